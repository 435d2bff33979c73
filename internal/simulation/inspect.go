package simulation

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// read runs a query that nothing befalls and collects its rows.
func (d *disk) read(text string) (all [][]driver.Value, err error) {
	s, giveBack, err := d.take(text)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	found, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	for {
		row := make([]driver.Value, len(found.Columns()))
		if found.Next(row) != nil {
			return all, nil
		}
		all = append(all, row)
	}
}

// number runs a query for one number.
func (d *disk) number(text string) (int64, error) {
	all, err := d.read(text)
	if err != nil || len(all) != 1 {
		return 0, fmt.Errorf("%d rows: %w", len(all), err)
	}
	n, _ := all[0][0].(int64)
	return n, nil
}

// rows reads what a check needs; that it cannot is a violation.
func (w *World) rows(module, text string) [][]driver.Value {
	all, err := w.disks[module].read(text)
	if err != nil {
		w.violated("read %s: %v", module, err)
	}
	return all
}

// text is a column's text, however SQLite gave it.
func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

// number is a column's number.
func number(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}
