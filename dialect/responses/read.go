package responses

import (
	"bytes"
	"fmt"
	"strconv"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// reader walks one body. It keeps the first fault of a field and reads on, so
// that the body is checked whole; a fault of the JSON itself goes before it.
type reader struct {
	s     *wire.Scanner
	req   *Request
	fault *fault.Fault

	l      dialects.Listener
	word   bool   // the value read next is a name or the like
	schema bool   // within a schema
	opaque bool   // nothing is heard
	undone []byte // scratch: a string with its escapes undone
}

func (r *reader) refuse(kind fault.Kind, field, format string, args ...any) {
	if r.fault == nil {
		r.fault = fault.New(kind, format, args...).At(field)
	}
}

func (r *reader) need(c call.Capability, field string) {
	r.req.asked.Needs = append(r.req.asked.Needs, dialects.Need{Capability: c, Field: field})
}

// members reads the top-level object.
func (r *reader) members(fields map[string]kinds) {
	r.req.empty = true
	for name := r.s.Name(); name != nil; name = r.s.Name() {
		r.req.empty = false
		allowed, known := fields[string(name)]
		kind := r.s.Next()
		if c, reaches := reaching[string(name)]; reaches && kind != wire.Null && kind != wire.False {
			r.need(c, string(name))
		}
		switch {
		case !known:
			r.unknown(name, fields)
		case kind == wire.Array && string(name) == "input":
			r.items()
		case kind == wire.Array && string(name) == "tools":
			r.inSchema(func() { r.tools("tools", nil) })
		case kind == wire.Object && string(name) == "text":
			r.inSchema(func() { r.known("text", kind, allowed) })
		case kind == wire.Array && string(name) == "include":
			r.included()
		case kind == wire.Object && string(name) == "reasoning":
			r.reasoning()
		default:
			r.known(string(name), kind, allowed)
		}
	}
}

// known reads a known field that is not walked: its kind is checked, and what
// the path needs of it is taken.
func (r *reader) known(field string, kind wire.Kind, allowed kinds) {
	r.s.Next()
	at := r.s.Pos()
	span := r.s.Skip()
	if r.s.Failed() {
		return
	}
	if !allowed.has(kind, r.s.Slice(span)) {
		r.refuse(fault.Malformed, field, "%s is %s; it must be %v.", field, kind, allowed)
	}
	r.scalar(field, kind, wire.Span{Start: at, End: span.End})
}

// scalar takes from a known field what the path needs.
func (r *reader) scalar(field string, kind wire.Kind, span wire.Span) {
	raw := r.s.Slice(span)
	switch {
	case field == "model" && kind == wire.String:
		r.req.asked.Alias, r.req.model = unquote(raw), span
	case field == "stream":
		r.req.asked.Stream = kind == wire.True
	case field == "store":
		r.req.store, r.req.stored = span, kind != wire.False
	case field == "include":
		r.req.include = span
	case field == "max_output_tokens" && kind == wire.Number:
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && n > 0 {
			r.req.asked.MaxOutput = n // what else it may be is for the vendor to judge; it bounds nothing
		}
	case field == "previous_response_id" && kind == wire.String:
		r.refuse(fault.PreviousNotFound, field, "Bulkhead keeps no replies that previous_response_id could name. Send the whole conversation as input, with store false and include [%q].", sealedReasoning)
	case field == "prompt_cache_retention" && kind == wire.String:
		// Longer than in memory means that the vendor keeps what it was sent.
		if word := unquote(raw); word != "in_memory" && word != "in-memory" {
			r.need(call.Store, field)
		}
	}
}

// included reads the list of what the reply is to hold besides.
func (r *reader) included() {
	at := r.s.Pos()
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		r.req.listed = true
		if kind := r.s.Next(); kind != wire.String {
			r.misfit(func() string { return fmt.Sprintf("include[%d]", i) }, kind, "a string")
			continue
		}
		if span := r.s.Skip(); !r.s.Failed() && unquote(r.s.Slice(span)) == sealedReasoning {
			r.req.sealed = true
		}
	}
	r.req.include = wire.Span{Start: at, End: r.s.Pos()}
}

// reasoning notes whether the model is to reason.
func (r *reader) reasoning() {
	r.object(func() string { return "reasoning" }, []string{"effort", "summary"}, func(member int, kind wire.Kind) {
		field := func() string { return "reasoning." + []string{"effort", "summary"}[member] }
		if word := r.want(kind, field, true); word != "" && word != "none" {
			r.req.reasons = true
		}
	})
}

// unquote gives what a string with its quotes stands for.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(wire.Unescape(nil, raw))
}

// unknown notes a top-level field that the dialect does not have. One that
// differs from a known field in case alone is refused whatever the workload
// says: a vendor whose reader ignores case would take it for the known one.
func (r *reader) unknown(name []byte, fields map[string]kinds) {
	for known := range fields {
		r.twin(name, known, known)
	}
	for known := range reaching {
		if string(name) != known {
			r.twin(name, known, known)
		}
	}
	if len(r.req.asked.Unknown) < 32 {
		r.req.asked.Unknown = append(r.req.asked.Unknown, clip(string(name)))
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
// folding, as Go's encoding/json compares them. No letter folds to one of more
// than three times its bytes.
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

// clip bounds what of the caller's own words is repeated to it.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}
