package dialect

import (
	"fmt"
	"strings"

	"bulkhead/chat"
)

// Fate is what becomes of a field of a dialect on its way to another.
type Fate string

// The fates. A field that is dropped or near enough elsewhere is approximated,
// and named when it happens; one that the caller relies on is refused where a
// target cannot say it.
const (
	FateCarried      Fate = "carried"      // every target says it, or has no need of it
	FateApproximated Fate = "approximated" // some target drops it or says something near
	FateRefused      Fate = "refused"      // some target cannot say it, and the call is refused
	FateOwn          Fate = "own"          // passed in its own dialect, elsewhere dropped by name
)

// Field is one row of a dialect's table.
type Field struct {
	// Path in the vendor's request: messages[].content[].text. Variants of a
	// union share a path. One that ends in ".**" stands for all below it.
	Path string
	Fate Fate
	Hub  string // where canonical JSON has it; empty: in an extra, or nowhere

	// Beyond says that the field is not in the vendor's schema: headers that
	// act as fields, and what compatible servers take.
	Beyond bool
}

// Fields is a dialect's table: each field of the vendor's request schema once.
type Fields []Field

// Wire gives the dialect's own path for one of canonical JSON, whose indices
// are left out: that of the row that is it, or else of the nearest above it;
// a path that no row has stays.
func (f Fields) Wire(path string) string {
	want := indices(path)
	best, wire := -1, path
	for _, row := range f {
		if row.Hub == "" || len(row.Hub) <= best {
			continue
		}
		rest, under := strings.CutPrefix(want, row.Hub)
		if under && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			best, wire = len(row.Hub), strings.TrimSuffix(row.Path, ".**")
		}
	}
	return wire
}

// Relied refuses what the caller relies on and only its own dialect has: the
// fields in extras of the request and of its messages whose row says that they
// are refused elsewhere. It is asked before a request is encoded into another
// dialect; a loss that the workload allows is recorded, and the field left out.
func (f Fields) Relied(r *chat.Request, l *chat.Losses) error {
	if err := f.relied("", r.Extra, l); err != nil {
		return err
	}
	for i := range r.Messages {
		if x := r.Messages[i].Extra; x != nil {
			if err := f.relied(fmt.Sprintf("messages[%d].", i), x, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f Fields) relied(at string, x chat.Extra, l *chat.Losses) error {
	for _, field := range x {
		path := at + field.Name
		for _, row := range f {
			if row.Fate != FateRefused || strings.TrimSuffix(row.Path, ".**") != indices(path) {
				continue
			}
			if err := l.Refuse(path, "has nothing like it"); err != nil {
				return err
			}
		}
	}
	return nil
}

// indices takes the indices out of a path.
func indices(path string) string {
	for from := 0; ; {
		open := strings.IndexByte(path[from:], '[')
		if open < 0 {
			return path
		}
		open += from + 1
		end := strings.IndexByte(path[open:], ']')
		if end < 0 {
			return path
		}
		path = path[:open] + path[open+end:]
		from = open + 1
	}
}

// Lists reports whether a row names the path, or all above it.
func (f Fields) Lists(path string) bool {
	for _, row := range f {
		if above, all := strings.CutSuffix(row.Path, ".**"); row.Path == path || all && covers(above, path) {
			return true
		}
	}
	return false
}

// covers reports whether path is above, or lies below it.
func covers(above, path string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
