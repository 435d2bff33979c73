package transfer

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"mallbots/internal/database"
)

// Left is the table that is never carried: it says where the module lives, which
// is another answer in each database.
const Left = "residence"

// What a frame of the stream is.
const (
	frameTable byte = 'T' // a database.Table follows, as JSON
	frameRow   byte = 'R' // a row of it
	frameEnd   byte = 'E' // the Total of its rows
	frameDone  byte = 'D' // all tables were sent
)

// Write writes every row of a module's database to w. What it writes is of one
// moment only if nobody else writes to the database.
func Write(ctx context.Context, db database.DB, w io.Writer) error {
	tables, err := tables(ctx, db)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	for _, t := range tables {
		if err := frameJSON(out, frameTable, t); err != nil {
			return err
		}
		var total Total
		err := each(ctx, db, t, func(row []byte, _ []any) error {
			total.add(sumOf(row))
			return frame(out, frameRow, row)
		})
		if err != nil {
			return err
		}
		if err := frameJSON(out, frameEnd, total); err != nil {
			return err
		}
	}
	if err := frame(out, frameDone, nil); err != nil {
		return err
	}
	return out.Flush()
}

// tables are those that are carried.
func tables(ctx context.Context, db database.DB) ([]database.Table, error) {
	all, err := database.Tables(ctx, db, db.Dialect())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(t database.Table) bool { return t.Name == Left }), nil
}

// each reads every row of a table. What it hands out is good until the next row.
func each(ctx context.Context, db database.Querier, t database.Table, do func(row []byte, values []any) error) error {
	rows, err := db.Query(ctx, t.Select())
	if err != nil {
		return fmt.Errorf("transfer: read %s: %w", t.Name, err)
	}
	defer rows.Close()
	values, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range values {
		into[i] = &values[i]
	}
	var row []byte
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("transfer: read %s: %w", t.Name, err)
		}
		if row, err = encode(row[:0], values); err != nil {
			return fmt.Errorf("%w, in %s", err, t.Name)
		}
		if err := do(row, values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("transfer: read %s: %w", t.Name, err)
	}
	return nil
}

func frameJSON(out *bufio.Writer, kind byte, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return frame(out, kind, data)
}

func frame(out *bufio.Writer, kind byte, data []byte) error {
	var head [binary.MaxVarintLen64 + 1]byte
	head[0] = kind
	n := binary.PutUvarint(head[1:], uint64(len(data)))
	if _, err := out.Write(head[:1+n]); err != nil {
		return err
	}
	_, err := out.Write(data)
	return err
}

// mostBytes is the longest frame that is believed.
const mostBytes = 64 << 20

// next reads a frame.
func next(in *bufio.Reader) (kind byte, data []byte, err error) {
	if kind, err = in.ReadByte(); err == nil {
		var length uint64
		if length, err = binary.ReadUvarint(in); err == nil && length > mostBytes {
			return 0, nil, fmt.Errorf("transfer: a frame of %d bytes: is the other process an ops listener of this release?", length)
		}
		if err == nil {
			data = make([]byte, length)
			_, err = io.ReadFull(in, data)
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("transfer: the stream broke off: %w", err)
	}
	return kind, data, nil
}
