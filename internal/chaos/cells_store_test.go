//go:build chaos

package chaos

import (
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// storeCells damage the embedded broker's store while the process is down after
// a SIGKILL, and fill its disk while it runs.
func storeCells() []cell {
	damage := func(name string, do func(m *mall, store string)) cell {
		return cell{name: "JetStream store: " + name, backends: []string{embedded}, lasts: time.Second, strike: func(m *mall, _ *load) int {
			m.kill()
			do(m, filepath.Join(m.data, "nats", "jetstream"))
			m.back()
			return 1
		}}
	}
	// change rewrites the blocks of one stream, chosen by chance.
	change := func(how func(m *mall, data []byte) []byte) func(*mall, string) {
		return func(m *mall, store string) {
			blocks, err := filepath.Glob(filepath.Join(store, "$G", "streams", "*", "msgs", "*.blk"))
			require.NoError(m.t, err)
			require.NotEmpty(m.t, blocks)
			block := blocks[m.rand.IntN(len(blocks))]
			data, err := os.ReadFile(block)
			require.NoError(m.t, err)
			if len(data) > 0 {
				require.NoError(m.t, os.WriteFile(block, how(m, data), 0o600))
			}
		}
	}
	return []cell{
		damage("torn tail", change(func(m *mall, data []byte) []byte { return data[:len(data)-min(len(data), 1+m.rand.IntN(20_000))] })),
		damage("zeroed tail", change(func(_ *mall, data []byte) []byte { clear(data[len(data)-min(len(data), 4096):]); return data })),
		damage("flipped bit", change(func(m *mall, data []byte) []byte { data[m.rand.IntN(len(data))] ^= 1 << m.rand.IntN(8); return data })),
		damage("indexes removed", func(m *mall, store string) {
			indexes, err := filepath.Glob(filepath.Join(store, "$G", "streams", "*", "msgs", "index.db"))
			require.NoError(m.t, err)
			for _, index := range indexes {
				require.NoError(m.t, os.Remove(index))
			}
		}),
		damage("consumers' state removed", func(m *mall, store string) {
			states, err := filepath.Glob(filepath.Join(store, "$G", "streams", "*", "obs", "*"))
			require.NoError(m.t, err)
			require.NotEmpty(m.t, states)
			for _, state := range states {
				require.NoError(m.t, os.RemoveAll(state))
			}
		}),
		damage("directory deleted", func(m *mall, store string) { require.NoError(m.t, os.RemoveAll(store)) }),
		{
			name: "disk full, then freed", backends: []string{embedded}, lasts: 6 * time.Second, fresh: true,
			skip: cannotMount, before: smallDisk, strike: fillDisk,
		},
	}
}

// cannotMount says why no small disk can be had here.
func cannotMount() string {
	dir, err := os.MkdirTemp("", "mallbots-chaos-mount-")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = os.Remove(dir) }()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		return "a small disk needs the right to mount: " + err.Error()
	}
	_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	return ""
}

// smallDisk moves the mall, which is still empty, to a small disk.
func smallDisk(m *mall) {
	m.stop()
	m.data = filepath.Join(m.dir, "small")
	require.NoError(m.t, os.MkdirAll(m.data, 0o700))
	require.NoError(m.t, syscall.Mount("tmpfs", m.data, "tmpfs", 0, "size=192m"))
	m.t.Cleanup(func() {
		m.proc.kill()
		require.NoError(m.t, syscall.Unmount(m.data, syscall.MNT_DETACH))
	})
	m.start()
}

// fillDisk leaves nothing free for a while.
func fillDisk(m *mall, l *load) int {
	ballast := filepath.Join(m.data, "ballast")
	file, err := os.Create(ballast)
	require.NoError(m.t, err)
	block := make([]byte, 64<<10)
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); {
		if _, err := file.Write(block); err != nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
	require.NoError(m.t, file.Close())
	full := 0
	if !l.progress(500 * time.Millisecond) {
		full = 1 // nothing is taken any more
	}
	require.NoError(m.t, os.Remove(ballast))
	m.healed = time.Now()
	if !m.proc.runs() { // a full disk may end it; then it is started again
		m.back()
	}
	return full
}
