package inbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/database"
	"mallbots/internal/database/databasetest"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

// The environment of the test binary when it is to be killed: which database,
// and at which message, before or after its commit.
const (
	victimDialect = "MALLBOTS_INBOX_VICTIM"
	victimURL     = "MALLBOTS_INBOX_VICTIM_URL"
	victimAt      = "MALLBOTS_INBOX_VICTIM_AT"
)

// parkedLetters are how many messages the key has: one dead, the others behind it.
const parkedLetters = 5

// TestAProcessThatIsKilledInTheMiddleOfARetry looses nothing of the key and
// applies nothing twice, wherever the kill hits.
func TestAProcessThatIsKilledInTheMiddleOfARetry(t *testing.T) {
	if os.Getenv(victimDialect) != "" {
		retryUntilKilled(t)
		return
	}
	for _, dialect := range databasetest.Dialects {
		for at := 1; at <= parkedLetters; at++ {
			t.Run(fmt.Sprintf("%s at message %d", dialect, at), func(t *testing.T) {
				config := databasetest.Config(t, dialect, "test")
				db, err := database.Open(t.Context(), config, effects)
				require.NoError(t, err)
				b := newBench(t, db)
				b.failing(func(context.Context, database.Tx, *storesv1.ProductPriceChanged) error { return errNegative })
				stop := b.start()
				for s := range int64(parkedLetters) {
					b.acked(b.deliver(price("ada", s+1)))
				}
				stop()
				require.NoError(t, db.Close())

				process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAProcessThatIsKilledInTheMiddleOfARetry$")
				process.Env = append(os.Environ(), victimDialect+"="+config.Dir+"|", victimURL+"="+config.URL, fmt.Sprintf("%s=%d", victimAt, at))
				process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				out, err := process.CombinedOutput()
				require.ErrorContains(t, err, "signal: killed", "%s", out)

				db, err = database.Open(t.Context(), config, effects)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, db.Close()) })
				b = newBench(t, db)
				b.applied("ada", int64(at-1)) // what was committed before the kill, and nothing of the rest
				b.start()
				if at == 1 {
					require.NoError(t, b.in.Retry(t.Context(), b.letters("")[0].ID))
				} // else the key was released, and goes on by itself
				b.eventually(func() bool { return b.gate("ada") == gate{parkedLetters, open} })
				b.applied("ada", parkedLetters)
				require.Empty(t, b.letters(""))
				require.Empty(t, b.letters(CauseHeld))
			})
		}
	}
}

// retryUntilKilled retries the dead letter, and kills the process within the
// transaction of one of the messages.
func retryUntilKilled(t *testing.T) {
	config := database.Config{Module: "test", Dir: os.Getenv(victimDialect)[:len(os.Getenv(victimDialect))-1], URL: os.Getenv(victimURL)}
	db, err := database.Open(t.Context(), config, effects)
	require.NoError(t, err)
	b := newBench(t, db)
	b.failing(func(_ context.Context, _ database.Tx, e *storesv1.ProductPriceChanged) error {
		if fmt.Sprint(e.GetPrice().GetMinorUnits()) == os.Getenv(victimAt) {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	})
	require.NoError(t, b.in.Retry(t.Context(), b.letters("")[0].ID))
	t.Error("nobody killed it")
}
