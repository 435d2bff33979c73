package simulation

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"modernc.org/sqlite"
)

// driverName is what database.Config.Driver says to be on simulated disks.
const driverName = "simulated"

func init() { sql.Register(driverName, disks) }

// disks are the simulated disks that are mounted, by the path of the file.
var disks = &mounts{disks: map[string]*disk{}}

type mounts struct {
	mu    sync.Mutex
	disks map[string]*disk
}

func (m *mounts) mount(path string, d *disk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disks[path] = d
}

// Open implements driver.Driver: the name is that of an SQLite file.
func (m *mounts) Open(name string) (driver.Conn, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	d := m.disks[filepath.Clean(u.Path)]
	m.mu.Unlock()
	if d == nil {
		return nil, fmt.Errorf("simulation: nothing is mounted at %s", u.Path)
	}
	return &connection{disk: d, life: d.keeper.life(), reader: strings.Contains(u.RawQuery, "query_only")}, nil
}

// What a disk answers.
var (
	errDead = fmt.Errorf("simulation: the process is dead: %w", syscall.EIO)
	errFail = fmt.Errorf("simulation: the disk fails: %w", syscall.EIO)
	errLost = fmt.Errorf("simulation: nobody knows whether it was committed: %w", io.ErrUnexpectedEOF)
)

// keeper says what becomes of a statement on a disk.
type keeper interface {
	life() int                                   // counts the starts of the process; 0 while it is down
	statement(d *disk, text string) statementEnd // before each statement
	crash(why string)                            // the process dies now
	violated(format string, args ...any)         // something is wrong beyond repair
}

// statementEnd is how a statement ends.
type statementEnd int

const (
	succeeds statementEnd = iota
	fails                 // with an error, and nothing done
	succeedsUnheard
	crashesBefore
	crashesAfter
)

// disk is one module's database. What is committed survives the process.
type disk struct {
	keeper   keeper
	module   string
	conn     driver.Conn // SQLite's, in memory; all connections share it
	prepared map[string][]driver.Stmt
	writing  bool // a transaction is open
}

// newDisk holds a copy of image, which may be empty.
func newDisk(k keeper, module string, image []byte) (*disk, error) {
	conn, err := (&sqlite.Driver{}).Open(":memory:")
	if err != nil {
		return nil, err
	}
	if len(image) > 0 {
		if err := conn.(interface{ Deserialize([]byte) error }).Deserialize(image); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return &disk{keeper: k, module: module, conn: conn, prepared: map[string][]driver.Stmt{}}, nil
}

// image is the committed content.
func (d *disk) image() ([]byte, error) {
	return d.conn.(interface{ Serialize() ([]byte, error) }).Serialize()
}

// powerOff loses what is not committed.
func (d *disk) powerOff() {
	if d.writing {
		_, _ = d.direct("ROLLBACK")
		d.writing = false
	}
}

// close gives the memory back.
func (d *disk) close() error {
	for _, statements := range d.prepared {
		for _, s := range statements {
			_ = s.Close()
		}
	}
	return d.conn.Close()
}

// direct runs a statement that nothing befalls.
func (d *disk) direct(text string) (driver.Result, error) {
	return d.conn.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
}

// take returns a prepared statement that nobody uses, and a way to give it back.
func (d *disk) take(text string) (driver.Stmt, func(), error) {
	free := d.prepared[text]
	if n := len(free); n > 0 {
		s := free[n-1]
		d.prepared[text] = free[:n-1]
		return s, func() { d.prepared[text] = append(d.prepared[text], s) }, nil
	}
	s, err := d.conn.Prepare(text)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { d.prepared[text] = append(d.prepared[text], s) }, nil
}

// perform runs do as the statement text of a connection, or what befalls it.
func (d *disk) perform(c *connection, text string, do func() error) error {
	if c.life != d.keeper.life() {
		return errDead
	}
	if c.reader && d.writing {
		d.keeper.violated("%s: read outside the transaction that is open: %s", d.module, text)
	}
	end := d.keeper.statement(d, text)
	if c.life != d.keeper.life() {
		return errDead
	}
	switch end {
	case fails:
		return errFail
	case crashesBefore:
		d.keeper.crash(d.module + " before " + brief(text, 3))
		return errDead
	case succeeds, succeedsUnheard, crashesAfter:
	}
	if err := do(); err != nil {
		return err
	}
	switch text {
	case "BEGIN IMMEDIATE":
		d.writing = true
	case "COMMIT", "ROLLBACK":
		d.writing = false
	}
	switch end {
	case succeedsUnheard:
		return errLost
	case crashesAfter:
		d.keeper.crash(d.module + " after " + brief(text, 3))
		return errDead
	case succeeds, fails, crashesBefore:
	}
	return nil
}

// brief is the first words of a text.
func brief(text string, most int) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), most)], " ")
}
