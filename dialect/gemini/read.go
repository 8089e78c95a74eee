package gemini

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/wire"
)

// reader walks one body. It keeps the first fault of a field and reads on, so
// that the body is checked whole; a fault of the JSON itself goes before it.
type reader struct {
	s     *wire.Scanner
	req   *Request
	fault *fault.Fault

	l      dialect.Listener
	word   bool   // the value read next is a name or the like
	schema bool   // within a schema
	free   bool   // within a value of the caller's own making
	opaque bool   // nothing is heard
	mute   bool   // the string read next is not heard
	undone []byte // scratch: a string with its escapes undone
}

func (r *reader) refuse(kind fault.Kind, field, format string, args ...any) {
	if r.fault == nil {
		r.fault = fault.New(kind, format, args...).At(field)
	}
}

func (r *reader) need(c call.Capability, field string) {
	r.req.asked.Needs = append(r.req.asked.Needs, dialect.Need{Capability: c, Field: field})
}

// misfit refuses a value of the wrong kind and passes over it.
func (r *reader) misfit(field func() string, kind wire.Kind, want string) {
	if r.s.Skip(); !r.s.Failed() {
		r.refuse(fault.Malformed, field(), "%s is %s; it must be %s.", field(), kind, want)
	}
}

// members reads a top-level object, or the request that a countTokens holds.
func (r *reader) members(under string, fields map[string]shape) {
	seen := map[string]bool{}
	for raw := r.s.Name(); raw != nil; raw = r.s.Name() {
		member := camel(raw)
		want, known := fields[member]
		if !known {
			r.unknown(raw, under, fields)
			continue
		}
		field := under + member
		if seen[member] {
			r.twice(field)
		}
		seen[member] = true
		kind := r.s.Next()
		if c, reaches := reaching[member]; reaches && kind != wire.Null {
			r.need(c, field)
		}
		r.member(member, field, kind, want)
	}
}

// member reads the value of a known top-level field.
func (r *reader) member(member, field string, kind wire.Kind, want shape) {
	at := func() string { return field }
	switch {
	case kind == wire.Null || kind == wire.Invalid:
		r.s.Skip()
	case !want.fits(kind):
		r.misfit(at, kind, want.String())
	case member == "contents":
		r.contents(at)
	case member == "systemInstruction" || member == "content":
		r.content(at)
	case member == "tools":
		r.tools(at)
	case member == "generationConfig":
		r.generationConfig(at)
	case member == "generateContentRequest" && r.s.Object():
		r.members(field+".", generateFields)
	case member == "requests":
		r.requests(at)
	case member == "instances" || member == "labels":
		r.freely(func() { r.s.Skip() })
	case member == "model":
		r.model(at)
	case member == "store":
		span := r.span()
		if kind == wire.True {
			r.req.spots = append(r.req.spots, spot{span, spotStore})
		}
	default:
		r.s.Skip()
	}
}

// span passes over a value and gives its bytes' place, without white space.
func (r *reader) span() wire.Span {
	r.s.Next()
	at := r.s.Pos()
	return wire.Span{Start: at, End: r.s.Skip().End}
}

// model reads a model that the body names; it must be that of the path.
func (r *reader) model(field func() string) {
	span := r.span()
	if r.s.Failed() {
		return
	}
	said := short(unquote(r.s.Slice(span)))
	if r.req.asked.Alias == "" {
		r.req.asked.Alias = said
	}
	if said != r.req.asked.Alias {
		r.refuse(fault.Malformed, field(), "%s names another model than the path does.", field())
	}
	r.req.spots = append(r.req.spots, spot{span, spotModel})
}

// unknown notes a top-level field that the dialect does not have. One that
// differs from a known field in case or underscores alone is refused whatever
// the workload says: a reader that is careless of them would take it for it.
func (r *reader) unknown(raw []byte, under string, fields map[string]shape) {
	for known := range fields {
		r.twin(raw, known, under+known)
	}
	if len(r.req.asked.Unknown) < 32 {
		r.req.asked.Unknown = append(r.req.asked.Unknown, under+clip(string(raw)))
	}
	r.s.Skip()
}

func (r *reader) twin(raw []byte, known, field string) {
	if twins(raw, known) {
		r.refuse(fault.Unsupported, field, "The field %q differs from %q in case or underscores alone; write %q.", clip(string(raw)), known, known)
	}
}

func (r *reader) twice(field string) {
	r.refuse(fault.Malformed, field, "The field %s is given under both of its names; give it once.", field)
}

// object reads an object some of whose members matter. It calls read with the
// member, in JSON's form, and the kind of its value, which is not null; read
// must read the value. others, if set, is told of the members that names does
// not have, and their values are passed over.
func (r *reader) object(path func() string, names []string, read func(member string, kind wire.Kind), others func(member string)) {
	if kind := r.s.Next(); kind != wire.Object {
		r.misfit(path, kind, "an object")
		return
	}
	r.s.Object()
	var seen uint64
	for raw := r.s.Name(); raw != nil; raw = r.s.Name() {
		member := camel(raw)
		i := slices.Index(names, member)
		if i < 0 {
			for _, known := range names {
				if twins(raw, known) {
					r.twin(raw, known, path()+"."+known)
				}
			}
			if others != nil {
				others(member)
			}
			r.s.Skip()
			continue
		}
		if seen&(1<<i) != 0 {
			r.twice(path() + "." + member)
		}
		seen |= 1 << i
		if kind := r.s.Next(); kind == wire.Null || kind == wire.Invalid {
			r.s.Skip()
		} else {
			read(member, kind)
		}
	}
}

// each reads the elements of an array.
func (r *reader) each(path func() string, read func(at func() string)) {
	if kind := r.s.Next(); kind != wire.Array {
		r.misfit(path, kind, "an array")
		return
	}
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		read(func() string { return fmt.Sprintf("%s[%d]", path(), i) })
	}
}

// text reads a string and gives it; anything else is refused.
func (r *reader) text(field func() string) string {
	if kind := r.s.Next(); kind != wire.String {
		r.misfit(field, kind, "a string")
		return ""
	}
	span := r.span()
	if r.s.Failed() {
		return ""
	}
	return unquote(r.s.Slice(span))
}

var configNames = []string{"candidateCount", "maxOutputTokens", "routingConfig", "modelConfig", "modelSelectionConfig",
	"responseSchema", "responseJsonSchema", "responseJsonSchemaOrdered", "responseFormat", "speechConfig"}

func (r *reader) generationConfig(path func() string) {
	r.object(path, configNames, func(member string, kind wire.Kind) {
		switch member {
		case "candidateCount":
			r.req.asked.Choices = r.count()
		case "maxOutputTokens":
			r.req.asked.MaxOutput = r.count()
		case "routingConfig", "modelConfig", "modelSelectionConfig":
			r.need(call.VendorFallback, path()+"."+member)
			r.s.Skip()
		case "speechConfig":
			r.s.Skip()
		default:
			r.inSchema(func() { r.s.Skip() })
		}
	}, nil)
}

// count reads a whole number of at least one, which may stand in quotes. What
// else it may be is for the vendor to judge; it bounds nothing.
func (r *reader) count() int64 {
	raw := r.s.Slice(r.span())
	n, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

var requestNames = []string{"content", "model"}

// requests reads the texts of a batch of embeddings.
func (r *reader) requests(path func() string) {
	r.req.method = methodEmbeds
	r.each(path, func(at func() string) {
		r.object(at, requestNames, func(member string, kind wire.Kind) {
			field := func() string { return at() + "." + member }
			switch {
			case member == "content":
				r.content(field)
			case kind != wire.String:
				r.misfit(field, kind, "a string")
			default:
				r.model(field)
			}
		}, nil)
	})
}

// unquote gives what a string with its quotes stands for.
func unquote(raw []byte) string {
	if len(raw) < 2 {
		return ""
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return string(wire.Unescape(nil, raw))
}

// kept reports whether an address is that of a file that the Gemini API keeps
// for its project (https://ai.google.dev/api/files, 2026).
func kept(uri string) bool {
	rest, files := strings.CutPrefix(uri, "https://generativelanguage.googleapis.com/")
	return files && strings.Contains(rest, "files/") || strings.HasPrefix(uri, "files/")
}
