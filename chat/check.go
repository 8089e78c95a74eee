package chat

import (
	"fmt"
	"unicode/utf8"
)

// maxChoices is how many choices a reply may have; OpenAI's API allows as many.
const maxChoices = 128

// SequenceError says which event breaks the grammar of a reply, and how.
type SequenceError struct {
	Number int // of the event, from 0
	Kind   EventKind
	Choice int
	Index  int
	Why    string
}

// Error names the event, its place and the rule.
func (e *SequenceError) Error() string {
	return fmt.Sprintf("event %d, %s of part %d of choice %d: %s", e.Number, e.Kind, e.Index, e.Choice, e.Why)
}

// Checker holds a sequence of events to the grammar of [Event]. The zero
// Checker awaits the first event; its checks allocate only for new choices,
// calls and errors.
type Checker struct {
	number  int
	begun   bool
	over    bool
	choices []progress
	calls   map[string]bool
}

// progress is how far a choice has come.
type progress struct {
	seen, finished bool
	next           int
	open           Kind // of the open part; empty: none
	sealed         bool
}

// Over reports whether the reply has ended, well or not.
func (c *Checker) Over() bool { return c.over }

// Check takes the next event and gives a *SequenceError if it may not come here.
func (c *Checker) Check(e *Event) error {
	why := c.check(e)
	if why != "" {
		return &SequenceError{c.number, e.Kind, e.Choice, e.Index, why}
	}
	c.number++
	return nil
}

// Checked gives a sink that checks every event before next has it.
func Checked(next Sink) Sink {
	var c Checker
	return func(e *Event) error {
		if err := c.Check(e); err != nil {
			return err
		}
		return next(e)
	}
}

func (c *Checker) check(e *Event) string {
	switch {
	case c.over:
		return "the reply is over"
	case e.Kind == Fail:
		if e.Fault == nil {
			return "a failure that says nothing"
		}
		c.over = true
		return ""
	case e.Kind == Begin:
		if c.begun || e.Head == nil {
			return "a reply begins once, and says what it is"
		}
		c.begun = true
		return ""
	case !c.begun:
		return "the reply has not begun"
	case e.Kind == Count:
		if e.Usage == nil || e.Usage.negative() {
			return "a usage that says nothing, or less than nothing"
		}
		return ""
	case e.Kind == End:
		return c.end()
	}
	if e.Choice < 0 || e.Choice >= maxChoices {
		return "no such choice"
	}
	for len(c.choices) <= e.Choice {
		c.choices = append(c.choices, progress{})
	}
	p := &c.choices[e.Choice]
	p.seen = true
	if p.finished {
		return "the choice has finished"
	}
	switch e.Kind {
	case Start:
		return c.start(p, e)
	case Finish:
		switch {
		case p.open != "":
			return "a part is open"
		case e.Ending == nil || !reasons[e.Ending.Reason]:
			return "an ending without a known reason"
		}
		p.finished = true
		return ""
	}
	if p.open == "" || e.Index != p.next-1 {
		return "that part is not open"
	}
	return p.within(e)
}

func (c *Checker) end() string {
	if len(c.choices) == 0 {
		return "a reply without a choice"
	}
	for _, p := range c.choices {
		if !p.seen || !p.finished {
			return "a choice has not finished"
		}
	}
	c.over = true
	return ""
}

func (c *Checker) start(p *progress, e *Event) string {
	switch {
	case p.open != "":
		return "another part is open"
	case e.Index != p.next:
		return fmt.Sprintf("the next part is %d", p.next)
	case e.Part == nil || e.Part.Content == nil:
		return "a part that says nothing"
	}
	if why := bare(e.Part); why != "" {
		return why
	}
	if call, ok := e.Part.Content.(ToolCall); ok {
		switch {
		case call.ID == "" || call.Name == "":
			return "a call without id or name"
		case c.calls[call.ID]:
			return "two calls of one id"
		case c.calls == nil:
			c.calls = map[string]bool{}
		}
		c.calls[call.ID] = true
	}
	p.open, p.sealed = e.Part.Content.Kind(), false
	p.next++
	return ""
}

// bare says why a part may not start: only a reply's contents, without what
// later events bring.
func bare(p *Part) string {
	empty := true
	switch x := p.Content.(type) {
	case Text:
		empty = x.Text == "" && x.Citations == nil && x.Logprobs == nil
	case Refusal:
		empty = x.Text == "" && x.Logprobs == nil
	case Reasoning:
		empty = x.Text == ""
	case ToolCall:
		empty = x.Arguments == ""
	case Media:
		empty = x.Data == "" && x.Transcript == ""
	case Native:
		empty = len(x.Value) == 0
	default:
		return "no content of a reply"
	}
	if !empty || p.State != nil || p.Cache != nil {
		return "a part starts without what later events bring"
	}
	return ""
}

func (p *progress) within(e *Event) string {
	switch e.Kind {
	case Delta, Speech:
		switch {
		case len(e.Bytes) == 0:
			return "nothing in it"
		case !utf8.Valid(e.Bytes):
			return "not UTF-8"
		case e.Kind == Speech && p.open != KindMedia:
			return "only media have a transcript"
		}
	case Seal:
		switch {
		case p.sealed:
			return "a second state"
		case e.State == nil || e.State.Blob == "":
			return "no state in it"
		case e.State.Kind != ThoughtSig && p.open != KindReasoning:
			return "state of reasoning on another part"
		}
		p.sealed = true
	case Cite:
		if p.open != KindText || e.Citation == nil {
			return "citations are of text"
		}
	case Tokens:
		if p.open != KindText && p.open != KindRefusal || len(e.Logprobs) == 0 {
			return "tokens are of text or refusals"
		}
	case Stop:
		p.open = ""
	default:
		return "no such kind of event"
	}
	return ""
}
