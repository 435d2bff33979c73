package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"mallbots/internal/database"
)

// Check is one line of an audit.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Report is what an audit says of one module.
type Report struct {
	Module      string                       `json:"module"`
	Checks      []Check                      `json:"checks"`
	Books       map[string]map[string]string `json:"books"`
	Behind      int64                        `json:"behind"`      // rows to publish, messages to consume, timers overdue
	DeadLetters int64                        `json:"deadLetters"` // messages parked, those held behind them included
}

// behind counts what the module has still to publish, to consume and to fire.
func (s *Service) behind(ctx context.Context) (int64, error) {
	rows, _, err := s.relay.Depth(ctx)
	if err != nil {
		return 0, err
	}
	lag, err := s.Inbox.Lag(ctx)
	if err != nil {
		return 0, err
	}
	due, err := s.Timers.Overdue(ctx)
	return rows + int64(lag) + due, err
}

// audit checks the module's books.
func (s *Service) audit(ctx context.Context) (Report, error) {
	r := Report{Module: s.Name, Books: map[string]map[string]string{}}
	var err error
	if r.Behind, err = s.behind(ctx); err != nil {
		return r, fmt.Errorf("audit %s: %w", s.Name, err)
	}
	dead, held, err := s.Inbox.Count(ctx)
	if err != nil {
		return r, fmt.Errorf("audit %s: %w", s.Name, err)
	}
	r.DeadLetters = dead + held
	line := func(name string, problem error) {
		c := Check{Name: s.Name + ": " + name, OK: problem == nil}
		if problem != nil {
			c.Detail = problem.Error()
		}
		r.Checks = append(r.Checks, c)
	}
	line("event versions are contiguous", s.contiguous(ctx))
	line("read models equal a rebuild", s.equalsRebuild(ctx))
	for _, c := range s.checks {
		line(c.name, c.run(ctx, s.DB))
	}
	var problem error
	if r.Behind > 0 {
		problem = fmt.Errorf("%d behind", r.Behind)
	}
	line("outbox empty, consumers caught up, no timer overdue", problem)
	problem = nil
	if r.DeadLetters > 0 {
		problem = fmt.Errorf("%d dead letters; list them with: mallbots deadletters list", r.DeadLetters)
	}
	line("no dead letters", problem)
	for _, b := range s.books {
		if r.Books[b.name], err = b.read(ctx, s.DB); err != nil {
			return r, fmt.Errorf("audit %s: book %s: %w", s.Name, b.name, err)
		}
	}
	return r, nil
}

// contiguous says which aggregates miss an event.
func (s *Service) contiguous(ctx context.Context) error {
	damaged, err := database.All(ctx, s.DB, database.Value[string], `
		SELECT aggregate_id FROM events
		GROUP BY aggregate, aggregate_id
		HAVING COUNT(*) <> MAX(version) OR MIN(version) <> 1
		ORDER BY aggregate_id LIMIT 10`)
	if err == nil && len(damaged) > 0 {
		err = fmt.Errorf("events are missing of %s", strings.Join(damaged, ", "))
	}
	return err
}

// errRollBack ends a transaction that was only meant to look.
var errRollBack = errors.New("roll back")

// equalsRebuild compares the read models with what a rebuild makes, and rolls
// the rebuild back. Writers wait meanwhile.
func (s *Service) equalsRebuild(ctx context.Context) error {
	var different []string
	err := s.DB.InTx(ctx, func(tx database.Tx) error {
		before, err := s.hash(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.rebuild(ctx, tx); err != nil {
			return err
		}
		after, err := s.hash(ctx, tx)
		if err != nil {
			return err
		}
		for i, table := range s.tables {
			if before[i] != after[i] {
				different = append(different, table)
			}
		}
		return errRollBack
	})
	if !errors.Is(err, errRollBack) {
		return err
	}
	if len(different) > 0 {
		return fmt.Errorf("%s differ; mend them with: mallbots projections rebuild", strings.Join(different, ", "))
	}
	return nil
}

// rebuild clears the module's own read models and projects them anew.
func (s *Service) rebuild(ctx context.Context, tx database.Tx) error {
	if err := database.Quiesce(ctx, tx); err != nil {
		return err
	}
	for _, table := range s.tables {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
			return fmt.Errorf("clear %s: %w", table, err)
		}
	}
	for _, r := range s.rebuilds {
		if err := r.Rebuild(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Flush(ctx)
}

// hash sums up the rows of each of the module's tables.
func (s *Service) hash(ctx context.Context, tx database.Tx) ([]string, error) {
	var sums []string
	for _, table := range s.tables {
		columns, err := database.Columns(ctx, tx, s.DB.Dialect(), table)
		if err != nil {
			return nil, err
		}
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		list := strings.Join(columns, ", ")
		sum := sha256.New()
		rows, err := tx.Query(ctx, "SELECT "+list+" FROM "+table+" ORDER BY "+list)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				rows.Close()
				return nil, fmt.Errorf("read %s: %w", table, err)
			}
			fmt.Fprintf(sum, "%v\n", values)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		sums = append(sums, string(sum.Sum(nil)))
	}
	return sums, nil
}
