package chat

import (
	"fmt"
)

// Folder makes the unary reply from events. The zero Folder awaits Begin.
type Folder struct {
	check   Checker
	reply   Reply
	failed  error
	growing []growth
}

// growth is what the open part of a choice has gathered.
type growth struct {
	part         Part
	text, speech []byte
	citations    []Citation
	logprobs     []Logprob
}

// Add takes the next event; it is a [Sink]. It gives a *SequenceError for one
// that may not come, and the fault of a Fail.
func (f *Folder) Add(e *Event) error {
	if err := f.check.Check(e); err != nil {
		f.failed = err
		return err
	}
	switch e.Kind {
	case Begin:
		h := e.Head
		f.reply = Reply{ID: h.ID, Model: h.Model, Created: h.Created, Tier: h.Tier, Fingerprint: h.Fingerprint, Extra: h.Extra}
		return nil
	case Count:
		u := *e.Usage
		f.reply.Usage = &u
		return nil
	case Fail:
		f.failed = e.Fault
		return e.Fault
	case End:
		return nil
	}
	for len(f.reply.Choices) <= e.Choice {
		f.reply.Choices = append(f.reply.Choices, Choice{})
		f.growing = append(f.growing, growth{})
	}
	c, g := &f.reply.Choices[e.Choice], &f.growing[e.Choice]
	switch e.Kind {
	case Start:
		*g = growth{part: *e.Part, text: g.text[:0], speech: g.speech[:0]}
	case Delta:
		g.text = append(g.text, e.Bytes...)
	case Speech:
		g.speech = append(g.speech, e.Bytes...)
	case Seal:
		s := *e.State
		g.part.State = &s
	case Cite:
		g.citations = append(g.citations, *e.Citation)
	case Tokens:
		g.logprobs = append(g.logprobs, e.Logprobs...)
	case Stop:
		c.Parts = append(c.Parts, g.whole())
	case Finish:
		c.Ending = *e.Ending
	}
	return nil
}

// whole is the part with all that was gathered.
func (g *growth) whole() Part {
	p := g.part
	switch x := p.Content.(type) {
	case Text:
		x.Text, x.Citations, x.Logprobs = string(g.text), g.citations, g.logprobs
		p.Content = x
	case Refusal:
		x.Text, x.Logprobs = string(g.text), g.logprobs
		p.Content = x
	case Reasoning:
		x.Text = string(g.text)
		p.Content = x
	case ToolCall:
		x.Arguments = string(g.text)
		p.Content = x
	case Media:
		x.Data, x.Transcript = string(g.text), string(g.speech)
		p.Content = x
	case Native:
		x.Value = append(Raw(nil), g.text...)
		p.Content = x
	}
	return p
}

// Reply gives the whole reply, or the error of the first event that was
// refused, or that the events broke off before End.
func (f *Folder) Reply() (*Reply, error) {
	switch {
	case f.failed != nil:
		return nil, f.failed
	case !f.check.Over():
		return nil, fmt.Errorf("the reply broke off after %d events", f.check.number)
	}
	return &f.reply, nil
}

// Events gives a unary reply as the events that fold to it. A reply that no
// events can say, such as one with a part that is no model's, is an error of
// the sink or a *SequenceError.
func Events(r *Reply, to Sink) error {
	emit := Checked(to)
	e := Event{Kind: Begin, Head: &Head{ID: r.ID, Model: r.Model, Created: r.Created, Tier: r.Tier, Fingerprint: r.Fingerprint, Extra: r.Extra}}
	if err := emit(&e); err != nil {
		return err
	}
	for i := range r.Choices {
		for k := range r.Choices[i].Parts {
			if err := partEvents(&r.Choices[i].Parts[k], i, k, emit); err != nil {
				return err
			}
		}
		e = Event{Kind: Finish, Choice: i, Ending: &r.Choices[i].Ending}
		if err := emit(&e); err != nil {
			return err
		}
	}
	if r.Usage != nil {
		e = Event{Kind: Count, Usage: r.Usage}
		if err := emit(&e); err != nil {
			return err
		}
	}
	e = Event{Kind: End}
	return emit(&e)
}

// partEvents says one part.
func partEvents(p *Part, choice, index int, emit Sink) error {
	open := *p
	open.State = nil
	var text, speech string
	var citations []Citation
	var logprobs []Logprob
	switch x := p.Content.(type) {
	case Text:
		text, citations, logprobs = x.Text, x.Citations, x.Logprobs
		x.Text, x.Citations, x.Logprobs = "", nil, nil
		open.Content = x
	case Refusal:
		text, logprobs = x.Text, x.Logprobs
		x.Text, x.Logprobs = "", nil
		open.Content = x
	case Reasoning:
		text, x.Text = x.Text, ""
		open.Content = x
	case ToolCall:
		text, x.Arguments = x.Arguments, ""
		open.Content = x
	case Media:
		text, speech = x.Data, x.Transcript
		x.Data, x.Transcript = "", ""
		open.Content = x
	case Native:
		text, x.Value = string(x.Value), nil
		open.Content = x
	}
	e := Event{Kind: Start, Choice: choice, Index: index, Part: &open}
	if err := emit(&e); err != nil {
		return err
	}
	say := func(next Event) error {
		next.Choice, next.Index = choice, index
		e = next
		return emit(&e)
	}
	if text != "" {
		if err := say(Event{Kind: Delta, Bytes: []byte(text)}); err != nil {
			return err
		}
	}
	if speech != "" {
		if err := say(Event{Kind: Speech, Bytes: []byte(speech)}); err != nil {
			return err
		}
	}
	for i := range citations {
		if err := say(Event{Kind: Cite, Citation: &citations[i]}); err != nil {
			return err
		}
	}
	if len(logprobs) > 0 {
		if err := say(Event{Kind: Tokens, Logprobs: logprobs}); err != nil {
			return err
		}
	}
	if p.State != nil {
		if err := say(Event{Kind: Seal, State: p.State}); err != nil {
			return err
		}
	}
	return say(Event{Kind: Stop})
}
