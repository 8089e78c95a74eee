package gemini

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// replyDecoder makes events of a reply's chunks; a unary reply is one chunk.
// Finishes are held until no more can come: a chunk may finish a choice before
// the last of its content, or twice.
type replyDecoder struct {
	family string // that mints what is opaque
	stream bool

	s     *wire.Scanner // over a chunk, then over a content
	list  wire.Scanner  // over the candidates
	inner wire.Scanner  // over what lies within a part
	e     chat.Event
	undo  []byte // scratch: a string with its escapes undone

	begun, over bool
	id          string
	choices     []choice
	ids         map[string]bool // of calls
	counts      counts
	stale       bool       // the counts have not been told
	told        chat.Usage // what was told last
	traffic     chat.Raw   // usageMetadata.trafficType, as it was written
	blocked     bool       // the prompt was refused
	feedback    chat.Raw   // promptFeedback
}

// choice is how far a choice has come.
type choice struct {
	open     chat.Kind // of the open part; empty: none
	sealed   bool
	next     int // index of the next part
	seen     bool
	called   bool
	said     string     // finishReason
	extra    chat.Extra // of the ending
	partial  *arguments // of the call whose arguments come in pieces
	logprobs []chat.Logprob
}

// chunk is where a chunk's members lie.
type chunk struct {
	candidates, usage, feedback, error wire.Span
	id, model, created                 string
}

// broken is the fault of a reply that is not what it should be.
func broken(why string) *fault.Fault {
	return fault.New(fault.UpstreamError, "The vendor's reply cannot be read: %s.", why)
}

// chunk reads one GenerateContentResponse and gives its events.
func (d *replyDecoder) chunk(data []byte, emit chat.Sink) error {
	if d.over {
		return nil
	}
	c, err := d.outline(data)
	if err != nil {
		return err
	}
	if c.error.End > 0 {
		d.over = true
		d.e = chat.Event{Kind: chat.Fail, Fault: faultOf(0, nil, data)}
		return emit(&d.e)
	}
	if c.usage.End > 0 {
		d.usage(data[c.usage.Start:c.usage.End])
	}
	if !d.begun {
		d.begun, d.id = true, c.id
		h := &chat.Head{ID: c.id, Model: c.model, Tier: d.counts.tier}
		if t, err := time.Parse(time.RFC3339Nano, c.created); err == nil && t.Unix() > 0 {
			h.Created = t.Unix()
		}
		d.e = chat.Event{Kind: chat.Begin, Head: h}
		if err := emit(&d.e); err != nil {
			return err
		}
	}
	if c.feedback.End > 0 {
		d.promptFeedback(data[c.feedback.Start:c.feedback.End])
	}
	if c.candidates.End > 0 {
		if err := d.candidates(data[c.candidates.Start:c.candidates.End], emit); err != nil {
			return err
		}
	}
	return d.count(emit)
}

// outline finds a chunk's members; its whole text is checked.
func (d *replyDecoder) outline(data []byte) (chunk, error) {
	var c chunk
	s := d.s
	s.Reset(data)
	if s.Object() {
		for raw := s.Name(); raw != nil; raw = s.Name() {
			known := camel(raw)
			kind := s.Next()
			at := s.Pos()
			span := wire.Span{Start: at, End: s.Skip().End}
			if kind == wire.Null || s.Failed() {
				continue
			}
			switch {
			case known == "candidates" && kind == wire.Array:
				c.candidates = span
			case known == "usageMetadata" && kind == wire.Object:
				c.usage = span
			case known == "promptFeedback" && kind == wire.Object:
				c.feedback = span
			case known == "error":
				c.error = span
			case d.begun || kind != wire.String:
			case known == "responseId":
				c.id = unquote(s.Slice(span))
			case known == "modelVersion":
				c.model = unquote(s.Slice(span))
			case known == "createTime":
				c.created = unquote(s.Slice(span))
			}
		}
	}
	if err := s.End(); err != nil {
		return c, broken("it is no JSON object").Because(err)
	}
	return c, nil
}

// promptFeedback notes why a prompt was refused.
func (d *replyDecoder) promptFeedback(data []byte) {
	d.inner.Reset(data)
	d.inner.Object()
	for raw := d.inner.Name(); raw != nil; raw = d.inner.Name() {
		blocks := camel(raw) == "blockReason" && d.inner.Next() == wire.String
		span := d.inner.Skip()
		if blocks && !bytes.HasSuffix(d.inner.Slice(span), []byte(`UNSPECIFIED"`)) {
			d.blocked = true
		}
	}
	if d.blocked {
		d.feedback = bytes.Clone(data)
	}
}

// maxCandidates is how many choices a reply may have.
const maxCandidates = 128

// candidates reads the choices of a chunk.
func (d *replyDecoder) candidates(data []byte, emit chat.Sink) error {
	l := &d.list
	l.Reset(data)
	l.Array()
	for n := 0; l.Element(); n++ {
		if l.Next() != wire.Object {
			return broken("a candidate is no object")
		}
		l.Object()
		index, content, logprobs := n, []byte(nil), []byte(nil)
		var extra [12]struct {
			name  string
			value []byte
		}
		more, said := 0, ""
		for raw := l.Name(); raw != nil; raw = l.Name() {
			known := camel(raw)
			kind := l.Next()
			at := l.Pos()
			value := l.Slice(wire.Span{Start: at, End: l.Skip().End})
			switch {
			case kind == wire.Null:
			case known == "content":
				content = value
			case known == "logprobsResult":
				logprobs = value
			case known == "index":
				i, err := strconv.Atoi(string(value))
				if err != nil {
					i = -1
				}
				index = i
			case known == "finishReason":
				said = reasonWord(value)
			case more < len(extra):
				extra[more].name, extra[more].value = known, value
				more++
			}
		}
		if index < 0 || index >= maxCandidates {
			return broken("a candidate has no index that there can be")
		}
		for len(d.choices) <= index {
			d.choices = append(d.choices, choice{})
		}
		c := &d.choices[index]
		c.seen = true
		if said != "" {
			c.said = said
		}
		for _, x := range extra[:more] {
			c.note(x.name, x.value)
		}
		if logprobs != nil {
			c.logprobs = append(c.logprobs, d.logprobs(logprobs)...)
		}
		if content != nil {
			if err := d.content(index, content, emit); err != nil {
				return err
			}
		}
		if err := d.tokens(index, emit); err != nil {
			return err
		}
		d.choices[index].logprobs = nil // of no text
	}
	return nil
}

// maxNotes bounds what else a candidate may say.
const maxNotes = 32

// note keeps what else a candidate says, the latest of each.
func (c *choice) note(field string, value []byte) {
	i := slices.IndexFunc(c.extra, func(f chat.Field) bool { return f.Name == field })
	switch {
	case i < 0 && len(c.extra) == maxNotes:
	case i < 0:
		c.extra = append(c.extra, chat.Field{Dialect: name, Name: field, Value: bytes.Clone(value)})
	case !bytes.Equal(c.extra[i].Value, value):
		c.extra[i].Value = bytes.Clone(value)
	}
}

// finish gives the events that only the end decides. A stream whose choices
// have not all finished was cut.
func (d *replyDecoder) finish(emit chat.Sink) error {
	if d.over {
		return nil
	}
	d.over = true
	if d.blocked && len(d.choices) == 0 {
		d.choices = append(d.choices, choice{seen: true})
	}
	if len(d.choices) == 0 {
		return broken("it has no candidates")
	}
	for i := range d.choices {
		c := &d.choices[i]
		if c.said == "" && !d.blocked && (d.stream || !c.seen) {
			return fault.New(fault.UpstreamError, "The vendor's reply broke off.")
		}
		if err := d.settle(i, emit); err != nil {
			return err
		}
		d.e = chat.Event{Kind: chat.Finish, Choice: i, Ending: d.ending(c)}
		if err := emit(&d.e); err != nil {
			return err
		}
	}
	d.e = chat.Event{Kind: chat.End}
	return emit(&d.e)
}

// settle closes what is open in a choice, with the sources of its text.
func (d *replyDecoder) settle(i int, emit chat.Sink) error {
	c := &d.choices[i]
	if err := d.whole(i, emit); err != nil {
		return err
	}
	if c.open == chat.KindText {
		for _, cite := range d.citations(c.extra) {
			if err := d.say(chat.Event{Kind: chat.Cite, Citation: &cite}, i, emit); err != nil {
				return err
			}
		}
	}
	return d.shut(i, emit)
}

func (d *replyDecoder) ending(c *choice) *chat.Ending {
	e := &chat.Ending{Reason: reasons[c.said], Said: c.said, Extra: c.extra}
	switch {
	case d.blocked:
		e.Reason, e.Said = chat.ReasonFilter, ""
		e.Extra = append(e.Extra, chat.Field{Dialect: name, Name: "promptFeedback", Value: d.feedback})
	case e.Reason == "":
		e.Reason = chat.ReasonStop
	}
	if e.Reason == chat.ReasonStop && c.called {
		e.Reason = chat.ReasonTool
	}
	return e
}

// say gives an event of the open part of a choice.
func (d *replyDecoder) say(e chat.Event, i int, emit chat.Sink) error {
	e.Choice, e.Index = i, d.choices[i].next-1
	d.e = e
	return emit(&d.e)
}

// start opens a part, and closes the one before.
func (d *replyDecoder) start(i int, p *chat.Part, emit chat.Sink) error {
	if err := d.whole(i, emit); err != nil {
		return err
	}
	if err := d.shut(i, emit); err != nil {
		return err
	}
	c := &d.choices[i]
	c.open, c.sealed = p.Content.Kind(), false
	c.next++
	return d.say(chat.Event{Kind: chat.Start, Part: p}, i, emit)
}

// shut closes the open part of a choice, if there is one.
func (d *replyDecoder) shut(i int, emit chat.Sink) error {
	c := &d.choices[i]
	if c.open == "" {
		return nil
	}
	c.open = ""
	return d.say(chat.Event{Kind: chat.Stop}, i, emit)
}

// seal gives the state of the open part.
func (d *replyDecoder) seal(i int, blob string, emit chat.Sink) error {
	d.choices[i].sealed = true
	return d.say(chat.Event{Kind: chat.Seal, State: &chat.State{Kind: chat.ThoughtSig, Blob: blob, Minter: d.family}}, i, emit)
}

// delta gives more of the open part.
func (d *replyDecoder) delta(i int, b []byte, emit chat.Sink) error {
	if len(b) == 0 {
		return nil
	}
	return d.say(chat.Event{Kind: chat.Delta, Bytes: b}, i, emit)
}

// reasons are the words of finishReason and what they mean.
var reasons = map[string]chat.Reason{
	"STOP": chat.ReasonStop, "MAX_TOKENS": chat.ReasonLength, "CONTINUATION": chat.ReasonPause,
	"SAFETY": chat.ReasonFilter, "RECITATION": chat.ReasonFilter, "LANGUAGE": chat.ReasonFilter, "BLOCKLIST": chat.ReasonFilter,
	"PROHIBITED_CONTENT": chat.ReasonFilter, "SPII": chat.ReasonFilter, "MODEL_ARMOR": chat.ReasonFilter, "JAILBREAK": chat.ReasonFilter,
	"IMAGE_SAFETY": chat.ReasonFilter, "IMAGE_PROHIBITED_CONTENT": chat.ReasonFilter, "IMAGE_RECITATION": chat.ReasonFilter,
	"MALFORMED_FUNCTION_CALL": chat.ReasonBroken, "UNEXPECTED_TOOL_CALL": chat.ReasonBroken, "TOO_MANY_TOOL_CALLS": chat.ReasonBroken,
	"MISSING_THOUGHT_SIGNATURE": chat.ReasonBroken, "MALFORMED_RESPONSE": chat.ReasonBroken,
	"IMAGE_OTHER": chat.ReasonBroken, "NO_IMAGE": chat.ReasonBroken, "OTHER": chat.ReasonBroken,
}

// reasonWord is a finishReason; empty for one that says nothing. A word that
// is not known is a stop of which no more is said.
func reasonWord(value []byte) string {
	value = bytes.Trim(value, `"`)
	if string(value) == "FINISH_REASON_UNSPECIFIED" || len(value) == 0 {
		return ""
	}
	for word := range reasons {
		if string(value) == word {
			return word
		}
	}
	return "STOP"
}
