package gemini

import (
	"slices"
	"strconv"
	"strings"

	"bulkhead/wire"
)

// arguments are those of a call that come in pieces: values at JSON paths,
// strings bit by bit (PartialArg of aiplatform v1, 2026-08).
type arguments struct {
	root  node
	nodes int
	bytes int
}

// node is a value that is being gathered.
type node struct {
	kind  wire.Kind // Object, Array or String; any other: value holds it
	names []string  // of an object's members, in order
	kids  []*node
	text  []byte // a string, or another scalar as it was written
}

// Bounds of what pieces may build.
const (
	maxArgumentNodes = 10_000
	maxArgumentBytes = 16 << 20
	maxArgumentDepth = 64
)

// add takes the pieces of a chunk.
func (a *arguments) add(s *wire.Scanner, data []byte) error {
	w := walker{s: s}
	s.Reset(data)
	var fault error
	w.array(func(int) {
		path, kind, value := "", wire.Invalid, []byte(nil)
		w.object(func(member string, k wire.Kind) {
			switch member {
			case "jsonPath":
				path = w.text()
			case "stringValue":
				if k == wire.String {
					kind, value = wire.String, []byte(w.text())
					return
				}
				w.s.Skip()
			case "numberValue", "boolValue":
				kind, value = k, append([]byte(nil), w.slice()...)
			default:
				w.s.Skip()
			}
		})
		if kind == wire.Invalid {
			kind, value = wire.Null, []byte("null") // nullValue, whose own value is null
		}
		if fault == nil {
			fault = a.set(path, kind, value)
		}
	})
	if w.fault != nil || s.Failed() {
		return broken("pieces of arguments that are no such pieces")
	}
	return fault
}

// set puts a value, or more of a string, at a path.
func (a *arguments) set(path string, kind wire.Kind, value []byte) error {
	if a.bytes += len(path) + len(value); a.bytes > maxArgumentBytes {
		return broken("arguments that are too large")
	}
	steps, ok := jsonPath(path)
	if !ok || len(steps) == 0 {
		return broken("a piece of arguments with no place")
	}
	a.root.kind = wire.Object
	at := &a.root
	for i, step := range steps {
		next, ok := a.child(at, step)
		if !ok {
			return broken("pieces of arguments that do not fit together")
		}
		at = next
		if i == len(steps)-1 {
			break
		}
		want := wire.Object
		if steps[i+1].name == "" {
			want = wire.Array
		}
		if at.kind == wire.Invalid {
			at.kind = want
		}
	}
	switch {
	case at.kind == wire.Invalid:
		at.kind, at.text = kind, value
	case at.kind == wire.String && kind == wire.String:
		at.text = append(at.text, value...)
	default:
		return broken("pieces of arguments that do not fit together")
	}
	return nil
}

// child gives the member or element of a node, made if it is the next one.
func (a *arguments) child(of *node, s step) (*node, bool) {
	if s.name != "" {
		if of.kind != wire.Object {
			return nil, false
		}
		if i := slices.Index(of.names, s.name); i >= 0 {
			return of.kids[i], true
		}
		of.names = append(of.names, s.name)
	} else if of.kind != wire.Array || s.index > len(of.kids) {
		return nil, false
	} else if s.index < len(of.kids) {
		return of.kids[s.index], true
	}
	if a.nodes++; a.nodes > maxArgumentNodes {
		return nil, false
	}
	of.kids = append(of.kids, &node{})
	return of.kids[len(of.kids)-1], true
}

// jsonPath reads $.a.b[0]['c d'] (RFC 9535, of which it is a part).
func jsonPath(path string) ([]step, bool) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, false
	}
	var steps []step
	for rest != "" {
		if len(steps) == maxArgumentDepth {
			return nil, false
		}
		switch {
		case rest[0] == '.':
			rest = rest[1:]
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, false
			}
			steps = append(steps, step{name: rest[:end]})
			rest = rest[end:]
		case len(rest) > 3 && rest[0] == '[' && (rest[1] == '\'' || rest[1] == '"'):
			name, after, ok := strings.Cut(rest[2:], rest[1:2]+"]")
			if !ok || name == "" {
				return nil, false
			}
			steps = append(steps, step{name: name})
			rest = after
		case rest[0] == '[':
			number, after, ok := strings.Cut(rest[1:], "]")
			i, err := strconv.Atoi(number)
			if !ok || err != nil || i < 0 || i > maxArgumentNodes {
				return nil, false
			}
			steps = append(steps, step{index: i})
			rest = after
		default:
			return nil, false
		}
	}
	return steps, true
}

// json is what the pieces have built so far.
func (a *arguments) json() []byte {
	var w writer
	a.root.kind = wire.Object
	a.root.write(&w)
	return w.b
}

func (n *node) write(w *writer) {
	switch n.kind {
	case wire.Object:
		w.open('{')
		for i, kid := range n.kids {
			w.text(n.names[i])
			w.b = append(w.b, ':')
			kid.write(w)
		}
		w.close('}')
	case wire.Array:
		w.open('[')
		for _, kid := range n.kids {
			kid.write(w)
		}
		w.close(']')
	case wire.String:
		w.comma()
		w.b = appendText(w.b, n.text)
	default:
		w.raw(n.text)
	}
}
