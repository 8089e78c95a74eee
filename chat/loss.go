package chat

import (
	"slices"
	"strings"

	"bulkhead/fault"
)

// Lost says what became of a field that could not be carried.
type Lost string

// What becomes of such a field. Rewritten values count as Approximated.
const (
	Dropped      Lost = "dropped"
	Approximated Lost = "approximated"
	Clamped      Lost = "clamped"
)

// Loss is one field that a translation could not carry as it was.
type Loss struct {
	Field  string `json:"field"` // path in the caller's dialect, without indices: messages[].name
	Action Lost   `json:"action"`
	Target string `json:"target"` // dialect that could not say it
}

// Losses gathers the losses of one translation, each once. Encoders name
// fields by the paths of canonical JSON (messages[].parts[].cache); Losses
// puts them into the caller's words.
type Losses struct {
	target  string
	wire    func(path string) string
	allowed []string
	list    []Loss
}

// NewLosses begins a record for a translation to a dialect. wire turns a path
// of canonical JSON into the caller's own; nil leaves it. allowed are the
// fields, in the caller's words, whose loss the workload's entry allows.
func NewLosses(target string, wire func(path string) string, allowed []string) *Losses {
	return &Losses{target: target, wire: wire, allowed: allowed}
}

// Drop names a field that is left out: what a caller can do without.
func (l *Losses) Drop(path string) { l.add(path, Dropped) }

// Approximate names a field of which the target gets something near.
func (l *Losses) Approximate(path string) { l.add(path, Approximated) }

// Clamp names a number that is out of the target's range.
func (l *Losses) Clamp(path string) { l.add(path, Clamped) }

// Refuse is for a field that the caller relies on. It gives the refusal that
// names it, or nil if the workload allows the loss, which is then recorded and
// the encoder goes on without the field. why completes "the target …".
func (l *Losses) Refuse(path, why string) error {
	field := l.field(path)
	if slices.Contains(l.allowed, plain(field)) {
		l.add(path, Dropped)
		return nil
	}
	return fault.New(fault.Unsupported, "The field %s cannot be carried: %s %s. Leave it out, or have the workload's entry allow its loss.", field, l.target, why).At(field).Final()
}

// Own names the fields of other dialects in an Extra at a path, which cannot
// be carried, and gives those of the target.
func (l *Losses) Own(path string, x Extra) Extra {
	for _, f := range x {
		if f.Dialect != l.target {
			l.add(join(path, f.Name), Dropped)
		}
	}
	return x.Of(l.target)
}

// List gives the losses in order of discovery.
func (l *Losses) List() []Loss { return l.list }

func (l *Losses) add(path string, what Lost) {
	loss := Loss{plain(l.field(path)), what, l.target}
	if !slices.Contains(l.list, loss) {
		l.list = append(l.list, loss)
	}
}

// field is the path in the caller's words.
func (l *Losses) field(path string) string {
	if l.wire != nil {
		return l.wire(path)
	}
	return path
}

// join puts a name under a path, which may be empty.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// plain takes the indices out of a path: messages[3].name is messages[].name.
func plain(path string) string {
	if !strings.ContainsRune(path, '[') {
		return path
	}
	var b strings.Builder
	in := false
	for _, c := range path {
		switch {
		case c == '[':
			in = true
			b.WriteString("[]")
		case c == ']' && in:
			in = false
		case !in:
			b.WriteRune(c)
		}
	}
	return b.String()
}
