package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"

	"mallbots/internal/fault"
)

// Page sizes: what a list answers when the request doesn't say, and the most
// that it answers.
const (
	DefaultPageSize = 50
	MaxPageSize     = 100
)

// What is wrong with a request for a page.
var (
	ErrPageSize  = fault.New(fault.Invalid, "PAGE_SIZE_OUT_OF_RANGE", "pageSize must be 0 (the default, 50) to 100")
	ErrPageToken = fault.New(fault.Invalid, "PAGE_TOKEN_INVALID", "pageToken is not one that this list with this filter gave out; start again without it")
)

// Page is the part of a list that a request asks for: at most Size rows, those
// that come after the keys in After. After is empty on the first page.
type Page struct {
	Size  int
	After []string
	scope string
}

// ParsePage reads pageSize and pageToken of req. The token must be one that
// Next made for the same scope and, when req is a message, for the same list
// with the same filter. Errors: ErrPageSize, ErrPageToken.
func ParsePage(req interface {
	GetPageSize() int32
	GetPageToken() string
}, scope string,
) (Page, error) {
	page := Page{Size: int(req.GetPageSize()), scope: pageScope(req, scope)}
	switch {
	case page.Size == 0:
		page.Size = DefaultPageSize
	case page.Size < 0, page.Size > MaxPageSize:
		return Page{}, ErrPageSize.In("pageSize")
	}
	if req.GetPageToken() == "" {
		return page, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(req.GetPageToken())
	if err != nil {
		return Page{}, ErrPageToken.In("pageToken")
	}
	var keys []string
	if json.Unmarshal(data, &keys) != nil || len(keys) < 2 || keys[0] != page.scope {
		return Page{}, ErrPageToken.In("pageToken")
	}
	page.After = keys[1:]
	for _, key := range page.After { // a database would choke on what no list gave out
		if strings.ContainsFunc(key, unicode.IsControl) {
			return Page{}, ErrPageToken.In("pageToken")
		}
	}
	return page, nil
}

// Limit is how many rows to read: one more than the page holds, to see
// whether there is a next page.
func (p Page) Limit() int { return p.Size + 1 }

// Key is the i-th of the keys to start after, empty when there is none: no
// text sorts before it.
func (p Page) Key(i int) string {
	if i >= len(p.After) {
		return ""
	}
	return p.After[i]
}

// Next is the token of the page that starts after the row with keys.
func (p Page) Next(keys ...string) string {
	data, err := json.Marshal(append([]string{p.scope}, keys...))
	if err != nil {
		return "" // strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// Trim cuts rows, of which Limit were read, to the size of the page and returns
// the token of the next page, or none when this is the last one. Keys are those
// that the list is sorted by, of one row.
func Trim[T any](p Page, rows []T, keys func(T) []string) ([]T, string) {
	if len(rows) <= p.Size {
		return rows, ""
	}
	rows = rows[:p.Size]
	return rows, p.Next(keys(rows[len(rows)-1])...)
}

// pageScope names the list and its filter in a few characters.
func pageScope(req any, scope string) string {
	hash := sha256.New()
	hash.Write([]byte(scope))
	if message, ok := req.(proto.Message); ok {
		filter := proto.Clone(message).ProtoReflect()
		fields := filter.Descriptor().Fields()
		for _, name := range []string{"page_size", "page_token"} {
			if field := fields.ByTextName(name); field != nil {
				filter.Clear(field)
			}
		}
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(filter.Interface())
		if err != nil {
			data = nil // invalid UTF-8: refused before it got here
		}
		hash.Write([]byte(filter.Descriptor().FullName()))
		hash.Write(data)
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:9])
}
