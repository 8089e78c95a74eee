package responses

import (
	"strconv"

	"github.com/go-json-experiment/json"

	"bulkhead/wire"
)

// frameKind is what an event of the stream says, as far as the hub asks.
type frameKind uint8

const (
	kindNone  frameKind = iota // no type
	kindOther                  // steps of hosted tools, and what repeats what came before
	kindCreated
	kindEnd
	kindError
	kindItemAdded
	kindItemDone
	kindPartAdded
	kindPartDone
	kindSummaryAdded
	kindTextDelta
	kindRefusalDelta
	kindThoughtDelta
	kindSummaryDelta
	kindInputDelta
	kindNote
)

// kindOf tells the kind of an event by its type (ResponseStreamEvent).
func kindOf(typ []byte) frameKind {
	switch string(typ) {
	case "":
		return kindNone
	case "response.output_text.delta":
		return kindTextDelta
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		return kindInputDelta
	case "response.reasoning_summary_text.delta":
		return kindSummaryDelta
	case "response.reasoning_text.delta", "response.reasoning.delta": // the second: Open Responses before 2026-04
		return kindThoughtDelta
	case "response.refusal.delta":
		return kindRefusalDelta
	case "response.created", "response.in_progress", "response.queued":
		return kindCreated
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
		return kindEnd
	case "response.output_item.added":
		return kindItemAdded
	case "response.output_item.done":
		return kindItemDone
	case "response.content_part.added":
		return kindPartAdded
	case "response.content_part.done":
		return kindPartDone
	case "response.reasoning_summary_part.added":
		return kindSummaryAdded
	case "response.output_text.annotation.added":
		return kindNote
	case "error":
		return kindError
	}
	return kindOther
}

// frame is one event of the stream. Its slices point into the event's data.
type frame struct {
	typ        frameKind
	ends       string // status of a reply that ends
	index      int    // of the item
	entry      int64  // of the part within the item
	delta      []byte // between its quotes
	escaped    bool
	logprobs   []byte
	annotation []byte
	item       []byte
	part       []byte
	response   []byte
	err        []byte
	whole      []byte
}

// read reads an event's data in one scan.
func (f *frame) read(s *wire.Scanner, data []byte) error {
	*f = frame{whole: data}
	s.Reset(data)
	s.Lenient = true
	if s.Object() {
		for name := s.Name(); name != nil; name = s.Name() {
			f.member(s, name, s.Next())
		}
	}
	return s.End()
}

func (f *frame) member(s *wire.Scanner, name []byte, kind wire.Kind) {
	switch string(name) {
	case "type":
		if kind == wire.String {
			span, _, _ := s.Text()
			typ := s.Slice(span)
			if f.typ = kindOf(typ); f.typ == kindEnd {
				f.ends = string(typ[len("response."):])
			}
			return
		}
	case "delta":
		if kind == wire.String {
			span, escaped, _ := s.Text()
			f.delta, f.escaped = s.Slice(span), escaped
			return
		}
	case "output_index":
		f.index = int(whole(s))
		return
	case "content_index", "summary_index":
		f.entry = whole(s)
		return
	case "logprobs":
		f.logprobs = s.Slice(s.Skip())
		return
	case "annotation":
		f.annotation = s.Slice(s.Skip())
		return
	case "item":
		f.item = s.Slice(s.Skip())
		return
	case "part":
		f.part = s.Slice(s.Skip())
		return
	case "response":
		f.response = s.Slice(s.Skip())
		return
	case "error":
		if kind == wire.Object {
			f.err = s.Slice(s.Skip())
			if f.typ == kindNone {
				f.typ = kindError
			}
			return
		}
	}
	s.Skip()
}

// whole reads a small whole number; anything else is 0.
func whole(s *wire.Scanner) int64 {
	n, err := strconv.ParseInt(string(s.Slice(s.Skip())), 10, 32)
	if err != nil {
		return 0
	}
	return max(0, n)
}

// unescaped appends the delta's text.
func (f *frame) unescaped(dst []byte) []byte {
	if !f.escaped {
		return append(dst, f.delta...)
	}
	return wire.Unescape(dst, f.delta)
}

// errorObject gives the error of an error event, whose members the schema has
// flat and the API nests.
func (f *frame) errorObject() *errorJSON {
	raw := f.err
	if raw == nil {
		raw = f.whole
	}
	var e errorJSON
	if json.Unmarshal(raw, &e, lenient) != nil {
		return nil
	}
	if e.Type == "error" {
		e.Type = ""
	}
	return &e
}

// content reads the part of an event that begins or ends one.
func (f *frame) content() (p partJSON, ok bool) {
	return p, len(f.part) > 0 && json.Unmarshal(f.part, &p, lenient) == nil
}

// text is what a part of any type says.
func (p *partJSON) text() string {
	if p.Type == "refusal" {
		return p.Refusal
	}
	return p.Text
}
