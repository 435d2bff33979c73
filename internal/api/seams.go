package api

import "context"

type positions struct{}

func (*positions) Last() (string, bool) { return "", false }

func track(ctx context.Context) (context.Context, *positions) { return ctx, &positions{} }
