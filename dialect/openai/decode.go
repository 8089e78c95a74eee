package openai

import (
	"fmt"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// own is the dialect's name in extras, native parts and losses.
const own = string(dialects.OpenAI)

// decoder reads a JSON text into the hub. It keeps the first fault and reads
// on. Where it is in the request is told by indices, so that a path costs
// nothing until it is needed.
type decoder struct {
	s     *wire.Scanner
	fault *fault.Fault

	list, sub string // names of the lists that are being read, the second within the first
	i, j      int    // and where in them
	scratch   []byte
	customs   []string // ids of calls of custom tools, for their results
}

// at is the path of a member of what is being read.
func (d *decoder) at(member string) string {
	path := ""
	if d.list != "" {
		path = fmt.Sprintf("%s[%d]", d.list, d.i)
		if d.sub != "" {
			path += fmt.Sprintf(".%s[%d]", d.sub, d.j)
		}
		if member != "" {
			path += "."
		}
	}
	return path + member
}

// refuse keeps a fault at a member of what is being read. The message begins
// with the field's path.
func (d *decoder) refuse(kind fault.Kind, member, format string, args ...any) {
	if d.fault == nil && !d.s.Failed() {
		field := d.at(member)
		d.fault = fault.New(kind, "%s %s", field, fmt.Sprintf(format, args...)).At(field).Final()
	}
}

// misfit refuses a value of the wrong kind and passes over it.
func (d *decoder) misfit(member, want string) {
	kind := d.s.Next()
	d.s.Skip()
	d.refuse(fault.Malformed, member, "is %s; it must be %s.", kind, want)
}

// end gives the fault of the text, or else that of what it says.
func (d *decoder) end() error {
	if err := d.s.End(); err != nil {
		return fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if d.fault != nil {
		return d.fault
	}
	return nil
}

// text reads the string next.
func (d *decoder) text() string {
	span, escaped, _ := d.s.Text()
	raw := d.s.Slice(span)
	if !escaped {
		return string(raw)
	}
	d.scratch = wire.Unescape(d.scratch[:0], raw)
	return string(d.scratch)
}

// str reads a string member, empty for null.
func (d *decoder) str(member string) string {
	switch d.s.Next() {
	case wire.String:
		return d.text()
	case wire.Null:
		d.s.Skip()
	default:
		d.misfit(member, "a string")
	}
	return ""
}

// number reads a number, empty for null.
func (d *decoder) number(member string) chat.Number {
	switch d.s.Next() {
	case wire.Number:
		return chat.Number(d.s.Slice(d.s.Skip()))
	case wire.Null:
		d.s.Skip()
	default:
		d.misfit(member, "a number")
	}
	return ""
}

// flag reads a boolean, nil for null.
func (d *decoder) flag(member string) *bool {
	switch d.s.Next() {
	case wire.True:
		d.s.Skip()
		return new(true)
	case wire.False:
		d.s.Skip()
		return new(false)
	case wire.Null:
		d.s.Skip()
	default:
		d.misfit(member, "a boolean")
	}
	return nil
}

// raw copies the value next as it was written; nil for null.
func (d *decoder) raw() chat.Raw {
	if d.s.Next() == wire.Null {
		d.s.Skip()
		return nil
	}
	return append(chat.Raw(nil), d.s.Slice(d.s.Skip())...)
}

// strs reads a list of strings, nil for null.
func (d *decoder) strs(member string) []string {
	if !d.array(member) {
		return nil
	}
	var out []string
	for d.s.Element() {
		if d.s.Next() != wire.String {
			d.misfit(member, "a list of strings")
			continue
		}
		out = append(out, d.text())
	}
	return out
}

// object enters an object; null and what is none are passed over.
func (d *decoder) object(member string) bool { return d.enter(wire.Object, member, "an object") }

// array enters an array; null and what is none are passed over.
func (d *decoder) array(member string) bool { return d.enter(wire.Array, member, "an array") }

func (d *decoder) enter(want wire.Kind, member, words string) bool {
	switch d.s.Next() {
	case want:
		if want == wire.Object {
			return d.s.Object()
		}
		return d.s.Array()
	case wire.Null:
		d.s.Skip()
	default:
		d.misfit(member, words)
	}
	return false
}

// extra keeps the value next as a field of the dialect's own; null is none.
func (d *decoder) extra(to *chat.Extra, name string) {
	if v := d.raw(); v != nil && !d.s.Failed() {
		*to = append(*to, chat.Field{Dialect: own, Name: name, Value: v})
	}
}
