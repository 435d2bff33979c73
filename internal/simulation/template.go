package simulation

import (
	"context"
	"fmt"
	"sync"
)

// templates are databases as the migrations leave them, by module, so that a
// seed need not migrate.
var templates = sync.OnceValues(func() (map[string][]byte, error) {
	w := &World{disks: map[string]*disk{}}
	w.bus = newBus(w)
	w.trace = newTrace(nil)
	for _, name := range moduleNames {
		d, err := newDisk(w, name, nil)
		if err != nil {
			return nil, err
		}
		w.disks[name] = d
	}
	p, err := start(context.Background(), w, 1) // nobody waits for it
	if err != nil {
		return nil, err
	}
	if err := p.bury(); err != nil {
		return nil, err
	}
	images := map[string][]byte{}
	for name, d := range w.disks {
		if _, err := d.direct(`CREATE TABLE simulation_effects (id INTEGER PRIMARY KEY, consumer TEXT NOT NULL, message_id TEXT NOT NULL)`); err != nil {
			return nil, fmt.Errorf("prepare %s: %w", name, err)
		}
		if images[name], err = d.image(); err != nil {
			return nil, fmt.Errorf("prepare %s: %w", name, err)
		}
		if err := d.close(); err != nil {
			return nil, err
		}
	}
	return images, nil
})
