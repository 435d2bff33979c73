package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

// The kinds of values that the databases of modules hold.
const (
	kindNull byte = iota
	kindNumber
	kindText
	kindBytes
)

// encode is a row as it travels and is summed up: the same for the same values,
// on both databases.
func encode(into []byte, values []any) ([]byte, error) {
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			into = append(into, kindNull)
		case int64:
			into = binary.AppendVarint(append(into, kindNumber), v)
		case int32:
			into = binary.AppendVarint(append(into, kindNumber), int64(v))
		case string:
			into = binary.AppendUvarint(append(into, kindText), uint64(len(v)))
			into = append(into, v...)
		case []byte:
			into = binary.AppendUvarint(append(into, kindBytes), uint64(len(v)))
			into = append(into, v...)
		default:
			return nil, fmt.Errorf("transfer: a value is a %T: only BIGINT, TEXT and bytes can be carried", value)
		}
	}
	return into, nil
}

// decode is the reverse of encode, for so many values.
func decode(data []byte, count int) ([]any, error) {
	values := make([]any, 0, count)
	for range count {
		if len(data) == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		kind := data[0]
		data = data[1:]
		switch kind {
		case kindNull:
			values = append(values, nil)
		case kindNumber:
			number, n := binary.Varint(data)
			if n <= 0 {
				return nil, io.ErrUnexpectedEOF
			}
			values, data = append(values, number), data[n:]
		case kindText, kindBytes:
			length, n := binary.Uvarint(data)
			if n <= 0 || uint64(len(data)-n) < length {
				return nil, io.ErrUnexpectedEOF
			}
			content := data[n : n+int(length)]
			data = data[n+int(length):]
			if kind == kindText {
				values = append(values, string(content))
			} else {
				values = append(values, append([]byte{}, content...))
			}
		default:
			return nil, fmt.Errorf("transfer: a value of kind %d is unknown: do both processes run the same release?", kind)
		}
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("transfer: a row is %d bytes longer than its values", len(data))
	}
	return values, nil
}

// sum tells one row from another.
type sum [16]byte

func sumOf(row []byte) sum {
	full := sha256.Sum256(row)
	return sum(full[:16])
}

// Total is how many rows a table has and what they sum up to, in any order.
type Total struct {
	Rows int64  `json:"rows"`
	High uint64 `json:"high"`
	Low  uint64 `json:"low"`
}

func (t *Total) add(s sum) {
	t.Rows++
	t.High += binary.BigEndian.Uint64(s[:8])
	t.Low += binary.BigEndian.Uint64(s[8:])
}
