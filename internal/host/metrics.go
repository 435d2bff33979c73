package host

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mallbots/internal/database"
	"mallbots/internal/outbox"
)

// collectTime bounds what one look at the metrics may ask of the databases. What
// is not known by then is left out; readiness tells why.
const collectTime = 2 * time.Second

// mostStuck is how far what is stuck is counted, of each module.
const mostStuck = 1000

// What is known of the process when somebody looks, and not before.
var (
	buildInfo = describe("build_info", "Always 1; the labels say what runs.", "version", "goversion")
	ready     = describe("ready", "Whether every part of the process works: 1, or 0.")
	partUp    = describe("part_up", "Whether a part of the process works: 1, or 0. The parts are those of /readyz.", "part")
	refusing  = describe("changes_refused", "Whether a module refuses changes, because too many events wait or the disk is almost full: 1, or 0.", "module")
	diskFree  = describe("disk_free_bytes", "What is free where the embedded databases and broker are.")
	diskSize  = describe("disk_size_bytes", "How large the file system is where the embedded databases and broker are.")
	fileBytes = describe("database_file_bytes", "How large the file of an embedded database is: main, or wal, which holds what is not yet moved to main.", "module", "file")
	poolSize  = describe("database_connections_max", "How many connections to its database a module may have; those that read, where it is embedded.", "module")
	poolState = describe("database_connections", "Connections to a module's database, by state: busy or idle.", "module", "state")
	poolWaits = describe("database_connection_waits_total", "How often somebody had to wait for a connection.", "module")
	poolWait  = describe("database_connection_wait_seconds_total", "How long all together waited for a connection.", "module")
	lost      = describe("lost_messages", "Messages in the module's stream whose state its database has lost; see mallbots lost.", "module")
	stuckOnes = describe("stuck_subjects", "What should have come to an end and has not changed for the time of --stuck-after, up to 1000 of a module; see mallbots orders stuck.", "module", "kind", "state")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("mallbots_"+name, help, labels, nil)
}

// look is one look at the metrics of a process.
type look struct {
	*process
	ctx context.Context
}

// Describe implements prometheus.Collector.
func (p look) Describe(into chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, ready, partUp, refusing, diskFree, diskSize, fileBytes, poolSize, poolState, poolWaits, poolWait, lost, stuckOnes,
	} {
		into <- d
	}
}

// Collect implements prometheus.Collector.
func (p look) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(p.ctx, collectTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(buildInfo, 1, version(), runtime.Version())
	parts, all := p.readiness.report()
	gauge(ready, truth(all))
	for _, part := range parts {
		gauge(partUp, truth(part.OK), part.Name)
	}
	if p.pressure.dir != "" {
		if free, size, err := space(p.pressure.dir); err == nil {
			gauge(diskFree, float64(free))
			gauge(diskSize, float64(size))
		}
	}
	if !p.mounted.Load() { // the services are still being made
		return
	}
	for _, s := range p.here() {
		gauge(refusing, truth(p.pressure.admit(s.Name) != nil), s.Name)
		p.collectPool(into, s)
		if n, err := outbox.CountLost(ctx, s.DB); err == nil {
			gauge(lost, float64(n), s.Name)
		}
		for of, n := range s.countStuck(ctx, time.Now().Add(-p.config.StuckAfter)) {
			gauge(stuckOnes, float64(n), s.Name, of.kind, of.state)
		}
	}
}

// collectPool tells how busy a module's database is.
func (p *process) collectPool(into chan<- prometheus.Metric, s *Service) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(d, kind, value, append([]string{s.Name}, labels...)...)
	}
	pool := database.PoolOf(s.DB)
	tell(poolSize, prometheus.GaugeValue, float64(pool.Most))
	tell(poolState, prometheus.GaugeValue, float64(pool.Busy), "busy")
	tell(poolState, prometheus.GaugeValue, float64(pool.Idle), "idle")
	tell(poolWaits, prometheus.CounterValue, float64(pool.Waits))
	tell(poolWait, prometheus.CounterValue, pool.Waited.Seconds())
	if s.DB.Dialect() != database.SQLite {
		return
	}
	for name, suffix := range map[string]string{"main": ".db", "wal": ".db-wal"} {
		if stat, err := os.Stat(filepath.Join(p.config.Data, s.Name+suffix)); err == nil {
			tell(fileBytes, prometheus.GaugeValue, float64(stat.Size()), name)
		}
	}
}

// kindAndState is what stuck subjects are counted by.
type kindAndState struct{ kind, state string }

// countStuck counts what of the module has not come to an end, and not changed
// since a moment.
func (s *Service) countStuck(ctx context.Context, before time.Time) map[kindAndState]int {
	counts := map[kindAndState]int{}
	for _, list := range s.unfinished {
		found, err := list(ctx, s.DB, before, mostStuck)
		if err != nil {
			continue // the database tells by itself that it is away
		}
		for _, subject := range found {
			counts[kindAndState{subject.Kind, subject.State}]++
		}
	}
	return counts
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// version is that of this binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// space is how much the file system of dir has left for this process, and how
// large it is, in bytes.
func space(dir string) (free, size int64, err error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, 0, err
	}
	return int64(stat.Bavail) * stat.Bsize, int64(stat.Blocks) * stat.Bsize, nil
}
