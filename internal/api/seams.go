package api

import (
	"context"
	"errors"
)

var errConflict = errors.New("lost race")

func withPrecondition(ctx context.Context, id string, version int64) context.Context { return ctx }

type positions struct{}

func (*positions) Last() (string, bool) { return "", false }

func track(ctx context.Context) (context.Context, *positions) { return ctx, &positions{} }
