package outbox

import (
	"context"
	"fmt"
	"sync"
)

// Positions are what a request has published, so that its answer can say from
// where on other modules know of it.
type Positions struct {
	mu     sync.Mutex
	last   string
	queued func() string // the last one's position, once it is flushed
}

type positionsKey struct{}

// Track returns a context that remembers what is published with it. Nothing is
// remembered of a transaction that did not commit.
func Track(ctx context.Context) (context.Context, *Positions) {
	positions := &Positions{}
	return context.WithValue(ctx, positionsKey{}, positions), positions
}

// Last is the position of the last message, <module>/<key>@<sequence>, and
// whether there was any.
func (p *Positions) Last() (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.last != ""
}

// Any reports whether the transaction under way has published something.
func (p *Positions) Any() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queued != nil
}

// Queued is what Last will be once the transaction commits, for one that stores
// it with its effects. Flush the transaction before, and ask Any.
func (p *Positions) Queued() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queued()
}

func (p *Positions) queue(last func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queued = last
}

func (p *Positions) add(module, key string, sequence int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = position(module, key, sequence)
}

func position(module, key string, sequence int64) string {
	return fmt.Sprintf("%s/%s@%d", module, key, sequence)
}

func tracked(ctx context.Context) *Positions {
	positions, _ := ctx.Value(positionsKey{}).(*Positions)
	return positions
}
