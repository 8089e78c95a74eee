package openai

import (
	"bytes"
	"slices"

	"bulkhead/chat"
)

// lane puts one choice of a stream in order. The wire may mix the pieces of
// parallel calls, and those of calls with text; the hub has one part open at a
// time. The first part that is not whole passes as it comes; what comes for
// those behind it is held until it is. A call is whole once its JSON is and
// something else begins; text is whole as soon as something else begins.
type lane struct {
	choice   int
	next     int // number of the next part to start
	open     bool
	queue    []held // parts that are not whole; the first may be open
	held     int    // bytes of the queue that were ever held
	begun    []int  // indices of the calls that have been seen
	finished bool
	called   bool
	refused  bool
	extra    chat.Extra // fields of the choice's own, for its ending
}

// held is a part, and what has come for it while another was open.
type held struct {
	kind     chat.Kind
	index    int // of a call, on the wire
	id, name string
	custom   bool
	json     jsonState
	state    *chat.State
	extra    chat.Extra
	text     []byte
	speech   []byte
	logprobs []chat.Logprob
	cites    []chat.Citation
}

// What a reply may make us hold.
const (
	maxHeld  = 16 << 20 // bytes of a choice's parts that wait for another
	maxCalls = 1024     // of a choice
)

// hold adds to a part that is not open.
func (l *lane) hold(to *[]byte, b []byte) error {
	if l.held += len(b); l.held > maxHeld {
		return broken("more than %d bytes of it are out of order.", maxHeld)
	}
	*to = append(*to, b...)
	return nil
}

// take adds what a chunk says of the choice.
func (l *lane) take(d *streamDecoder, in *deltaIn) error {
	says := len(in.content.raw)+len(in.refusal.raw)+len(in.reasoning.raw) > 0 || len(in.calls) > 0 || in.sound
	if l.finished {
		if says {
			return broken("choice %d goes on after its end.", l.choice)
		}
		return nil
	}
	l.keep(in)
	if len(in.reasoning.raw) > 0 {
		if err := l.say(d, chat.KindReasoning, in.reasoning, nil); err != nil {
			return err
		}
	}
	if len(in.content.raw) > 0 || len(in.said) > 0 {
		if err := l.say(d, chat.KindText, in.content, in.said); err != nil {
			return err
		}
	}
	if len(in.cites) > 0 {
		if err := l.cite(d, in.cites); err != nil {
			return err
		}
	}
	if len(in.refusal.raw) > 0 || len(in.declined) > 0 {
		l.refused = true
		if err := l.say(d, chat.KindRefusal, in.refusal, in.declined); err != nil {
			return err
		}
	}
	if in.sound {
		if err := l.sound(d, in); err != nil {
			return err
		}
	}
	for i := range in.calls {
		if err := l.call(d, &in.calls[i]); err != nil {
			return err
		}
	}
	if len(in.finish.raw) > 0 {
		return l.finish(d, string(d.undone(in.finish)))
	}
	return nil
}

// keep holds the fields of the choice's own that come beside its content.
func (l *lane) keep(in *deltaIn) {
	if in.filter != nil {
		l.set("content_filter_results", in.filter)
	}
	for _, f := range in.fields {
		l.set(f.Name, f.Value)
	}
}

func (l *lane) set(name string, value []byte) {
	for i := range l.extra {
		if l.extra[i].Name == name {
			l.extra[i].Value = append(l.extra[i].Value[:0], value...)
			return
		}
	}
	l.extra = append(l.extra, chat.Field{Dialect: own, Name: name, Value: bytes.Clone(value)})
}

// last gives the part to which more of a kind belongs: the last one if it is
// of that kind, or else a new one.
func (l *lane) last(d *streamDecoder, kind chat.Kind) (*held, error) {
	if n := len(l.queue); n > 0 && l.queue[n-1].kind == kind {
		return &l.queue[n-1], nil
	}
	return l.add(d, held{kind: kind})
}

// add puts a part at the end, and lets those before it pass that are whole.
func (l *lane) add(d *streamDecoder, h held) (*held, error) {
	l.queue = append(l.queue, h)
	err := l.advance(d)
	return &l.queue[len(l.queue)-1], err
}

// say adds text, reasoning or a refusal.
func (l *lane) say(d *streamDecoder, kind chat.Kind, t piece, logprobs []chat.Logprob) error {
	h, err := l.last(d, kind)
	if err != nil {
		return err
	}
	if !l.passes(h) {
		h.logprobs = append(h.logprobs, logprobs...)
		return l.hold(&h.text, d.undone(t))
	}
	if err := l.delta(d, chat.Delta, d.undone(t)); err != nil || len(logprobs) == 0 {
		return err
	}
	d.ev = chat.Event{Kind: chat.Tokens, Choice: l.choice, Index: l.next - 1, Logprobs: logprobs}
	return d.emit(&d.ev)
}

// passes reports whether the part is the one that is open.
func (l *lane) passes(h *held) bool { return l.open && h == &l.queue[0] }

func (l *lane) delta(d *streamDecoder, kind chat.EventKind, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	d.ev = chat.Event{Kind: kind, Choice: l.choice, Index: l.next - 1, Bytes: b}
	return d.emit(&d.ev)
}

func (l *lane) cite(d *streamDecoder, cites []chat.Citation) error {
	h, err := l.last(d, chat.KindText)
	if err != nil {
		return err
	}
	h.cites = append(h.cites, cites...)
	if l.passes(h) {
		return l.told(d, h)
	}
	return nil
}

func (l *lane) sound(d *streamDecoder, in *deltaIn) error {
	if n := len(l.queue); n == 0 || l.queue[n-1].kind != chat.KindMedia {
		// The id comes with the first piece, and the part starts with it.
		if _, err := l.add(d, held{kind: chat.KindMedia, id: string(d.undone(in.soundID))}); err != nil {
			return err
		}
	}
	h := &l.queue[len(l.queue)-1]
	if !l.passes(h) {
		if err := l.hold(&h.text, d.undone(in.soundData)); err != nil {
			return err
		}
		return l.hold(&h.speech, d.undone(in.soundSpeech))
	}
	if err := l.delta(d, chat.Delta, d.undone(in.soundData)); err != nil {
		return err
	}
	return l.delta(d, chat.Speech, d.undone(in.soundSpeech))
}

// call adds what a chunk says of a call.
func (l *lane) call(d *streamDecoder, c *callIn) error {
	l.called = true
	h, whole := l.find(d, c)
	switch {
	case whole && len(bytes.TrimSpace(d.undone(c.input))) > 0:
		return broken("a call goes on after its arguments were whole.")
	case whole:
		return nil
	case h == nil:
		if c.index < 0 {
			c.index = len(l.begun)
		}
		if l.begun = append(l.begun, c.index); len(l.begun) > maxCalls {
			return broken("it has more than %d calls.", maxCalls)
		}
		var err error
		if h, err = l.add(d, held{kind: chat.KindCall, index: c.index, id: string(d.undone(c.id)), name: string(d.undone(c.name)), custom: c.custom}); err != nil {
			return err
		}
	}
	if h.name == "" {
		h.name = string(d.undone(c.name))
		if h.id == "" {
			h.id = string(d.undone(c.id))
		}
	}
	for _, f := range c.extra {
		put(&h.extra, f.Name, f.Value)
	}
	state := c.state
	if h.state != nil {
		state = nil
	} else {
		h.state = state
	}
	input := d.undone(c.input)
	h.json.feed(input)
	if !l.passes(h) {
		if err := l.hold(&h.text, input); err != nil {
			return err
		}
		return l.advance(d) // a name may have come
	}
	if err := l.delta(d, chat.Delta, input); err != nil {
		return err
	}
	if state != nil {
		d.ev = chat.Event{Kind: chat.Seal, Choice: l.choice, Index: l.next - 1, State: state}
		if err := d.emit(&d.ev); err != nil {
			return err
		}
	}
	if len(l.queue) > 1 {
		return l.advance(d)
	}
	return nil
}

// find gives the call that a piece belongs to: nil for a new one, whole for
// one that has passed. Compatible servers leave the index out, or give all
// calls the index 0; then another id, or a name after whole arguments, is
// another call.
func (l *lane) find(d *streamDecoder, c *callIn) (h *held, whole bool) {
	for i := len(l.queue) - 1; i >= 0 && h == nil; i-- {
		if q := &l.queue[i]; q.kind == chat.KindCall && (c.index < 0 || q.index == c.index) {
			h = q
		}
	}
	names := len(c.name.raw) > 0
	switch {
	case h == nil:
		passed := c.index >= 0 && slices.Contains(l.begun, c.index)
		return nil, passed && !(names && len(c.id.raw) > 0)
	case !names:
	case len(c.id.raw) > 0 && h.id != "" && string(d.undone(c.id)) != h.id:
		return nil, false
	case len(c.id.raw) == 0 && c.index < 0:
		return nil, false
	case len(c.id.raw) == 0 && h.json.whole() && len(c.input.raw) > 0:
		return nil, false
	}
	return h, false
}

// advance lets parts pass from the front: starts the first, and ends it once
// it is whole and another has begun.
func (l *lane) advance(d *streamDecoder) error {
	for len(l.queue) > 0 {
		h := &l.queue[0]
		if !l.open {
			if h.kind == chat.KindCall && h.name == "" {
				return nil
			}
			if err := l.start(d, h); err != nil {
				return err
			}
		}
		if len(l.queue) == 1 || h.kind == chat.KindCall && !h.json.whole() {
			return nil
		}
		if err := l.stop(d); err != nil {
			return err
		}
	}
	return nil
}

// start begins the first part with all that is held of it.
func (l *lane) start(d *streamDecoder, h *held) error {
	d.part = chat.Part{Extra: h.extra}
	switch h.kind {
	case chat.KindText:
		d.part.Content = chat.Text{}
	case chat.KindRefusal:
		d.part.Content = chat.Refusal{}
	case chat.KindReasoning:
		d.part.Content = chat.Reasoning{}
	case chat.KindMedia:
		d.part.Content, d.part.Item = chat.Media{Medium: chat.Audio}, h.id
	default:
		d.part.Content = chat.ToolCall{ID: d.ids.own(h.id), Name: h.name, Custom: h.custom}
	}
	l.open = true
	d.ev = chat.Event{Kind: chat.Start, Choice: l.choice, Index: l.next, Part: &d.part}
	l.next++
	if err := d.emit(&d.ev); err != nil {
		return err
	}
	if err := l.delta(d, chat.Delta, h.text); err != nil {
		return err
	}
	if err := l.delta(d, chat.Speech, h.speech); err != nil {
		return err
	}
	if err := l.told(d, h); err != nil {
		return err
	}
	if h.state != nil {
		d.ev = chat.Event{Kind: chat.Seal, Choice: l.choice, Index: l.next - 1, State: h.state}
		return d.emit(&d.ev)
	}
	return nil
}

// told tells what stands with a text.
func (l *lane) told(d *streamDecoder, h *held) error {
	for i := range h.cites {
		d.ev = chat.Event{Kind: chat.Cite, Choice: l.choice, Index: l.next - 1, Citation: &h.cites[i]}
		if err := d.emit(&d.ev); err != nil {
			return err
		}
	}
	h.cites = nil
	if len(h.logprobs) == 0 {
		return nil
	}
	d.ev = chat.Event{Kind: chat.Tokens, Choice: l.choice, Index: l.next - 1, Logprobs: h.logprobs}
	return d.emit(&d.ev)
}

// stop ends the part that is open.
func (l *lane) stop(d *streamDecoder) error {
	d.ev = chat.Event{Kind: chat.Stop, Choice: l.choice, Index: l.next - 1}
	l.open = false
	l.queue = slices.Delete(l.queue, 0, 1)
	return d.emit(&d.ev)
}

// finish lets all parts pass and ends the choice.
func (l *lane) finish(d *streamDecoder, word string) error {
	for len(l.queue) > 0 {
		h := &l.queue[0]
		if h.kind == chat.KindCall && h.name == "" {
			return broken("a call names no tool.")
		}
		if !l.open {
			if err := l.start(d, h); err != nil {
				return err
			}
		}
		if err := l.stop(d); err != nil {
			return err
		}
	}
	l.finished = true
	ending := endingOf(word, l.called, l.refused)
	ending.Extra = l.extra
	d.ev = chat.Event{Kind: chat.Finish, Choice: l.choice, Ending: &ending}
	return d.emit(&d.ev)
}

// jsonState follows a JSON text as it comes.
type jsonState struct {
	depth           int
	begun           bool // an object or array has
	inText, escaped bool
}

func (j *jsonState) feed(b []byte) {
	for _, c := range b {
		switch {
		case j.escaped:
			j.escaped = false
		case j.inText:
			j.escaped, j.inText = c == '\\', c != '"'
		case c == '"':
			j.inText = true
		case c == '{' || c == '[':
			j.depth++
			j.begun = true
		case c == '}' || c == ']':
			j.depth--
		}
	}
}

// whole reports whether an object or array has come to its end.
func (j *jsonState) whole() bool { return j.begun && j.depth <= 0 && !j.inText }
