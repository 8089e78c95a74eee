package anthropic

import (
	"bytes"
	"slices"
	"strconv"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// maxUnknown bounds how many fields that are not known are named.
const maxUnknown = 32

// reader walks one body. It keeps the first fault of a field and reads on, so
// that the body is checked whole; a fault of the JSON itself goes before it.
type reader struct {
	s     *wire.Scanner
	req   *request
	fault *fault.Fault

	l      dialects.Listener
	mode   mode
	word   bool // the value read next is a name or the like
	opaque bool // nothing is heard
	undone []byte

	pending []dialects.Medium // of the blocks being read: what could not be; empty: of the block's own medium
}

func (r *reader) refuse(kind fault.Kind, field, format string, args ...any) {
	if r.fault == nil {
		r.fault = fault.New(kind, format, args...).At(field)
	}
}

func (r *reader) need(c call.Capability, field string) {
	r.req.asked.Needs = append(r.req.asked.Needs, dialects.Need{Capability: c, Field: field})
}

// top reads the members of the body.
func (r *reader) top() {
	end := r.s.Pos()
	for name := r.s.Name(); name != nil; name = r.s.Name() {
		at := end + bytes.IndexByte(r.req.body[end:], '"')
		i := len(r.req.members)
		m := member{start: at}
		if slices.Contains(relayed, string(name)) {
			m.name = relayed[slices.Index(relayed, string(name))]
		}
		kind := r.s.Next()
		m.value = r.s.Pos()
		r.req.members = append(r.req.members, m)
		r.field(name, kind)
		end = r.s.Pos()
		r.req.members[i].end = end
	}
}

// field reads one field of the body.
func (r *reader) field(name []byte, kind wire.Kind) {
	allowed, known := fields[string(name)]
	if !known {
		r.unknown(name)
		return
	}
	field := string(name)
	at := func() string { return field }
	if c, reaches := reaching[field]; reaches && kind != wire.Null {
		r.need(c, field)
	}
	switch {
	case field == "messages" && kind == wire.Array:
		r.messages()
	case field == "system" && kind == wire.Array:
		r.blocks(at)
	case field == "tools" && kind == wire.Array:
		r.tools()
	case field == "container" && (kind == wire.Object || kind == wire.String):
		r.container(kind)
	case field == "diagnostics" && kind == wire.Object:
		r.object(at, []string{"previous_message_id"}, func(_ int, kind wire.Kind) {
			if r.s.Skip(); kind != wire.Null {
				r.need(call.ConversationID, "diagnostics.previous_message_id")
			}
		})
	case (field == "output_config" || field == "output_format") && kind == wire.Object:
		r.in(schema, func() { r.scalar(field, kind, allowed) })
	default:
		r.scalar(field, kind, allowed)
	}
}

// scalar reads a field that is not walked: its kind is checked, and what the
// path of the call needs of it is taken.
func (r *reader) scalar(field string, kind wire.Kind, allowed kinds) {
	span := r.s.Skip()
	if r.s.Failed() {
		return
	}
	raw := r.s.Slice(span)
	if !allowed.has(kind, raw) {
		r.refuse(fault.Malformed, field, "%s is %s; it must be %v.", field, kind, allowed)
		return
	}
	switch {
	case field == "model":
		r.req.asked.Alias = unquote(raw)
	case field == "stream":
		r.req.asked.Stream = kind == wire.True
	case field == "max_tokens":
		r.req.asked.MaxOutput = count(raw)
	case field == "anthropic_beta" && kind == wire.Array:
		r.bodyBetas(raw)
	case field == "anthropic_version":
		if v := unquote(raw); v != versionInvoke && v != versionVertex && v != version {
			r.refuse(fault.Unsupported, field, "anthropic_version is %q, which is not spoken here; send %s, or leave it out.", clip(v), versionInvoke)
		}
	}
}

// container reads the place in which the vendor runs code: what it keeps there
// from an earlier call, and skills that it keeps.
func (r *reader) container(kind wire.Kind) {
	if kind == wire.String {
		r.s.Skip()
		r.need(call.ServerSideHistory, "container")
		return
	}
	names := []string{"id", "skills"}
	r.object(func() string { return "container" }, names, func(i int, kind wire.Kind) {
		switch r.s.Skip(); {
		case kind == wire.Null:
		case i == 0:
			r.need(call.ServerSideHistory, "container.id")
		default:
			r.need(call.PromptID, "container.skills")
		}
	})
}

// count reads a whole number of at least one. What else it may be is for the
// vendor to judge; it bounds nothing.
func count(raw []byte) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// unquote gives what a string with its quotes stands for.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(wire.Unescape(nil, raw))
}

// clip bounds what of the caller's own words is repeated to it.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// unknown notes a top-level field that the dialect does not have. One that
// differs from a known field in case alone is refused whatever the workload
// says: a vendor whose reader ignores case would take it for the known one.
func (r *reader) unknown(name []byte) {
	for known := range fields {
		r.twin(name, known, known)
	}
	if a := &r.req.asked; len(a.Unknown) < maxUnknown {
		a.Unknown = append(a.Unknown, clip(string(name)))
	}
	r.s.Skip()
}

// twin refuses a name that a reader which ignores case would take for known.
func (r *reader) twin(name []byte, known, field string) {
	if twins(name, known) {
		r.refuse(fault.Unsupported, field, "The field %q differs from %q in case alone; write %q.", name, known, known)
	}
}

// twins reports whether two names differ in case at most, by Unicode's simple
// folding. No letter folds to one of more than three times its bytes.
func twins(name []byte, known string) bool {
	return len(name) <= 3*len(known) && bytes.EqualFold(name, []byte(known))
}

// object reads an object some of whose members matter. It calls read with the
// index of the member in names and the kind of its value; read must read the
// value. Members whose names differ from one of names in case alone are refused.
func (r *reader) object(path func() string, names []string, read func(i int, kind wire.Kind)) {
	if !r.s.Object() {
		return
	}
next:
	for name := r.s.Name(); name != nil; name = r.s.Name() {
		for i, known := range names {
			if string(name) == known {
				read(i, r.s.Next())
				continue next
			}
		}
		for _, known := range names {
			if twins(name, known) {
				r.twin(name, known, path()+"."+known)
			}
		}
		r.s.Skip()
	}
}

// want reads a string member; anything but a string or, where allowed, null is refused.
func (r *reader) want(kind wire.Kind, field func() string, orNull bool) string {
	span := r.s.Skip()
	switch {
	case r.s.Failed() || orNull && kind == wire.Null:
		return ""
	case kind != wire.String:
		r.refuse(fault.Malformed, field(), "%s is %s; it must be a string.", field(), kind)
		return ""
	}
	return unquote(r.s.Slice(span))
}

// misfit refuses a value of the wrong kind and passes over it.
func (r *reader) misfit(field func() string, kind wire.Kind, want string) {
	if r.s.Skip(); !r.s.Failed() {
		r.refuse(fault.Malformed, field(), "%s is %s; it must be %s.", field(), kind, want)
	}
}
