package database

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// errOpenRows: a connection does one thing at a time, on either database.
var errOpenRows = errors.New("database: close the rows of the last query before the next statement")

// guard has PostgreSQL itself refuse any other number of rows than the right
// one, by dividing by zero. So COMMIT can travel with the statement: the server
// skips whatever follows one that fails.
func (s *Statement) guard() {
	switch {
	case len(s.Into) != 0:
		s.guarded = "WITH checked AS (" + s.SQL + ") SELECT checked.* FROM checked RIGHT JOIN " +
			"(SELECT 1 / (CASE count(*) WHEN 1 THEN 1 ELSE 0 END) AS one FROM checked) AS guard ON guard.one = 1"
	case s.Rows != 0:
		s.guarded = fmt.Sprintf("WITH checked AS (%s RETURNING 1) SELECT 1 / (CASE count(*) WHEN %d THEN 1 ELSE 0 END) FROM checked", s.SQL, s.Rows)
	}
}

// unguarded reports whether the outcome decides on the commit, and guard can't
// tell it.
func (s Statement) unguarded() bool { return s.Rows != 0 && s.Affected != nil }

// otherwise is the error of a wrong number of rows.
func (s Statement) otherwise() error {
	if s.Else != nil {
		return s.Else
	}
	if len(s.Into) != 0 {
		return fmt.Errorf("%w returned by %s, or more than one", ErrNoRows, brief(s.SQL))
	}
	return fmt.Errorf("database: more or fewer rows affected instead of %d by %s", s.Rows, brief(s.SQL))
}

// settle judges the outcome of a statement and hands it out.
func (s Statement) settle(affected int64) error {
	if s.Affected != nil {
		*s.Affected = affected
	}
	switch {
	case s.Rows != 0 && affected != s.Rows:
		if s.Else != nil {
			return s.Else
		}
		return fmt.Errorf("database: %d rows affected instead of %d by %s", affected, s.Rows, brief(s.SQL))
	case len(s.Into) != 0 && affected == 0:
		if s.Else != nil {
			return s.Else
		}
		return fmt.Errorf("%w returned by %s", ErrNoRows, brief(s.SQL))
	case len(s.Into) != 0 && affected > 1:
		return fmt.Errorf("database: %d rows returned instead of one by %s", affected, brief(s.SQL))
	}
	return nil
}

// bindable refuses what the two databases would store differently.
func bindable(sql string, args []any) error {
	for i, arg := range args {
		switch arg.(type) {
		case time.Time, *time.Time:
			return fmt.Errorf("database: $%d is a time, bind its Micros: %s", i+1, brief(sql))
		case bool:
			return fmt.Errorf("database: $%d is a bool, bind 0 or 1: %s", i+1, brief(sql))
		}
	}
	return nil
}

// brief is a statement on one line, not too long for an error.
func brief(sql string) string {
	line := strings.Join(strings.Fields(sql), " ")
	if len(line) > 80 {
		line = line[:77] + "..."
	}
	return line
}
