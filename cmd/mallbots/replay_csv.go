package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// table reads a CSV file with a header, row by row. The first problem, with
// its file, line and column, stays in err and ends the reading.
type table struct {
	name   string
	file   *os.File
	csv    *csv.Reader
	column map[string]int
	row    []string
	err    error
}

// openTable opens dir/name, whose header must have the columns.
func openTable(dir, name string, columns ...string) *table {
	t := &table{name: filepath.Join(dir, name), column: map[string]int{}}
	if t.file, t.err = os.Open(t.name); t.err != nil {
		return t
	}
	in := bufio.NewReader(t.file)
	if mark, _ := in.Peek(3); string(mark) == "\uFEFF" {
		_, _ = in.Discard(3) // the byte order mark that spreadsheets write
	}
	t.csv = csv.NewReader(in)
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if err != nil {
		t.fail(err)
		return t
	}
	for i, name := range header {
		t.column[strings.TrimSpace(name)] = i
	}
	for _, name := range columns {
		if _, ok := t.column[name]; !ok {
			t.err = fmt.Errorf("%s:1: the header has no column %q; want %s", t.name, name, strings.Join(columns, ","))
			return t
		}
	}
	return t
}

// next goes to the next row, and reports whether there is one.
func (t *table) next() bool {
	if t.err != nil {
		return false
	}
	row, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	t.row = row
	t.fail(err)
	return t.err == nil
}

// close closes the file, and returns the first problem.
func (t *table) close() error {
	if t.file != nil {
		t.err = errors.Join(t.err, t.file.Close())
	}
	return t.err
}

func (t *table) fail(err error) {
	var syntax *csv.ParseError
	switch {
	case err == nil || t.err != nil:
	case errors.As(err, &syntax):
		t.err = fmt.Errorf("%s:%d:%d: %w", t.name, syntax.Line, syntax.Column, syntax.Err)
	case errors.Is(err, io.EOF):
		t.err = fmt.Errorf("%s:1: the file is empty; want a header", t.name)
	default:
		t.err = fmt.Errorf("%s: %w", t.name, err)
	}
}

// where is the place of the row in its file.
func (t *table) where() string {
	line, _ := t.csv.FieldPos(0)
	return fmt.Sprintf("%s:%d", t.name, line)
}

// blame says what is wrong with a field.
func (t *table) blame(column, format string, args ...any) {
	if t.err == nil {
		line, at := t.csv.FieldPos(t.column[column])
		t.err = fmt.Errorf("%s:%d:%d: %s: %s", t.name, line, at, column, fmt.Sprintf(format, args...))
	}
}

// text is a field that is not blank.
func (t *table) text(column string) string {
	value := strings.TrimSpace(t.row[t.column[column]])
	if value == "" {
		t.blame(column, "is blank")
	}
	return value
}

// units is a whole number from low to high.
func (t *table) units(column string, low, high int64) int64 {
	value, err := strconv.ParseInt(t.text(column), 10, 64)
	if err != nil || value < low || value > high {
		t.blame(column, "%q: want a whole number from %d to %d", t.row[t.column[column]], low, high)
	}
	return value
}

// mostCents is the highest price that the mall takes.
const mostCents = 1_000_000_000_000

// cents is an amount of money such as 14.00, read exactly.
func (t *table) cents(column string) int64 {
	value := t.text(column)
	whole, fraction, _ := strings.Cut(value, ".")
	if len(fraction) > 2 {
		t.blame(column, "%q: has more than two decimals", value)
		return 0
	}
	cents, err := strconv.ParseUint(whole+(fraction + "00")[:2], 10, 63)
	if err != nil || whole == "" || strings.HasPrefix(value, "+") || cents > mostCents {
		t.blame(column, "%q: want an amount such as 14.00, from 0 to %d", value, mostCents/100)
	}
	return int64(cents)
}
