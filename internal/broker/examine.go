package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A single flipped bit can make the server's recovery of a stream take all the
// memory there is. So a store that may be damaged is opened by a child process
// first: this program once more, which sees from its environment what it is for
// and never reaches main. It may use so much memory and time, and no more.
const (
	examineStoreOf  = "MALLBOTS_EXAMINE_STORE"  // the directory
	examineMemory   = "MALLBOTS_EXAMINE_MEMORY" // in bytes
	memoryOfItself  = 512 << 20                 // besides what the store takes
	timeOfItself    = 10 * time.Second
	bytesPerSecond  = 20 << 20 // of the store, beyond that
	newest          = 100_000  // messages of each stream that are read
	damaged         = 3        // exit code: the store is not sound
	messagesInOneGo = 2_000
)

func init() {
	dir := os.Getenv(examineStoreOf)
	if dir == "" {
		return
	}
	memory, _ := strconv.ParseInt(os.Getenv(examineMemory), 10, 64)
	if err := boundMemory(memory); err != nil {
		fmt.Fprintln(os.Stderr, "bound the memory:", err)
	}
	if err := inspect(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(damaged)
	}
	os.Exit(0)
}

// errDamaged is what a store is that the child could not read.
var errDamaged = errors.New("the store is damaged")

// examineStore has a child process open the store below dir, and read the
// newest messages of every stream. Its error is errDamaged, or says why nothing
// is known.
func examineStore(ctx context.Context, dir string) error {
	size, err := sizeOf(filepath.Join(dir, "jetstream"))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	most := timeOfItself + time.Duration(size/bytesPerSecond)*time.Second
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	memory := memoryOfItself + 2*size
	cmd.Env = append(os.Environ(), examineStoreOf+"="+dir, fmt.Sprintf("%s=%d", examineMemory, memory), "GOTRACEBACK=none")
	cmd.SysProcAttr = dieWithParent()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if err == nil {
		return nil
	}
	said, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: it was not read within %s", errDamaged, most)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%w: it cannot be read with %d MiB: %s: %s", errDamaged, memory>>20, exit, said)
	}
	return fmt.Errorf("examine the store: %w", err)
}

// inspect opens the store and reads it, in the child process.
func inspect(ctx context.Context, dir string) (err error) {
	s, err := start(&server.Options{ServerName: "mallbots", StoreDir: dir, DontListen: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer stop(s)
	if err := wellness(s); err != nil {
		return err
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	streams := js.ListStreams(ctx)
	for info := range streams.Info() {
		if err := read(ctx, js, info); err != nil {
			return fmt.Errorf("stream %s: %w", info.Config.Name, err)
		}
	}
	return streams.Err()
}

// read reads a stream's newest messages, which must all be there.
func read(ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo) error {
	state := info.State
	if state.Msgs == 0 {
		return nil
	}
	if have := state.LastSeq - state.FirstSeq + 1; have != state.Msgs {
		return fmt.Errorf("%d of the messages %d to %d are missing", have-state.Msgs, state.FirstSeq, state.LastSeq)
	}
	next := state.FirstSeq
	if state.LastSeq-next >= newest {
		next = state.LastSeq - newest + 1
	}
	consumer, err := js.OrderedConsumer(ctx, info.Config.Name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: next,
	})
	if err != nil {
		return err
	}
	for next <= state.LastSeq {
		batch, err := consumer.Fetch(int(min(messagesInOneGo, state.LastSeq-next+1)), jetstream.FetchMaxWait(2*time.Second))
		if err != nil {
			return err
		}
		before := next
		for msg := range batch.Messages() {
			meta, err := msg.Metadata()
			if err != nil {
				return err
			}
			if meta.Sequence.Stream != next {
				return fmt.Errorf("message %d cannot be read", next)
			}
			next++
		}
		if next == before {
			return errors.Join(fmt.Errorf("message %d cannot be read", next), batch.Error())
		}
	}
	return nil
}

// boundMemory makes it fatal to allocate more than so many bytes.
func boundMemory(bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	debug.SetMemoryLimit(bytes / 2)
	return limitMemory(uint64(bytes))
}

// sizeOf is how many bytes the files below dir take.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
