package simulation

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
)

// imagined is the simulator, as a place to play a history in.
type imagined struct {
	world *World
	think think
	actor *actor
}

// request implements mall.
func (m *imagined) request(what, key string, send func(context.Context, *clients) (proto.Message, error)) (proto.Message, outcome) {
	for {
		res, o := request(m.world, "player", what, key, send)
		if !o.unknown || !m.think(100*time.Millisecond) {
			return res, o
		}
	}
}

// settle implements mall.
func (m *imagined) settle() {
	m.actor.resting = true
	m.think(0)
}

// restart implements mall.
func (m *imagined) restart() {
	if m.world.life() != 0 {
		m.world.crash("as the history says")
	}
	m.think(0)
}
