package host

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// workers are the loops of a process. One that fails or panics is started
// again, after a pause that doubles up to its limit; what it serves is named
// by readiness meanwhile, and the others go on.
type workers struct {
	wait sync.WaitGroup
	log  *slog.Logger
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// start runs loop until ctx ends.
func (w *workers) start(ctx context.Context, name string, loop func(ctx context.Context) error) {
	w.wait.Go(func() {
		pause := firstPause
		for {
			began := time.Now()
			err := guard(ctx, loop)
			if ctx.Err() != nil {
				return
			}
			if time.Since(began) > time.Minute {
				pause = firstPause
			}
			w.log.ErrorContext(ctx, "worker ended, starting it again", "worker", name, "error", err, "in", pause)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, lastPause)
		}
	})
}

// every runs work now and then at each interval; an error is logged.
func (w *workers) every(ctx context.Context, interval time.Duration, name string, work func(ctx context.Context) error) {
	w.start(ctx, name, func(ctx context.Context) error {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := work(ctx); err != nil {
					w.log.WarnContext(ctx, "periodic work failed", "worker", name, "error", err)
				}
			}
		}
	})
}

// guard turns a panic of loop into an error.
func guard(ctx context.Context, loop func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return loop(ctx)
}
