package gateway

import (
	"context"
	"log/slog"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/policy"
	"bulkhead/state"
)

// maxRecalled bounds how many blobs and calls of one request are looked up, the
// latest first; whose older ones are stays unknown.
const maxRecalled = 1024

// recalled is what the memory knows of a request's opaque state.
type recalled struct {
	family string              // that minted the latest of it; empty: none is known
	turns  map[int]*state.Turn // that its caller could not carry, by index of the message
	blobs  []*chat.State       // that its caller carries, each with its minter
	murky  error               // it may hold state, and cannot be read to see whose
}

// recall finds out whose the opaque state of a request is. A request without
// any, of a workload for which no turns are kept, is not looked at.
func (s *serving) recall(ctx context.Context) {
	m, asked := s.g.options.State, s.request.Asked()
	if m == nil || s.in.Action != call.Chat && s.in.Action != call.CountTokens || !asked.State && !(asked.Calls && m.HasTurns(s.rec.Workload)) {
		return
	}
	e := &s.entry
	err := s.hold(2 * s.rec.BytesIn)
	if err == nil {
		e.hub, err = s.ours().Server.Decode(s.inbound(), &s.scan)
	}
	if err != nil {
		if e.hub = nil; asked.State {
			e.recalled.murky = err
		}
		return
	}
	owner := state.Owner{Workload: s.rec.Workload, Subject: s.rec.Key}
	left := maxRecalled
	for i := len(e.hub.Messages) - 1; i >= 0; i-- {
		parts := e.hub.Messages[i].Parts
		found := false
		for k := len(parts) - 1; k >= 0; k-- {
			p := &parts[k]
			if p.State != nil {
				if left--; left >= 0 {
					family, err := m.Minter(ctx, owner, p.State.Blob)
					s.unremembered(err)
					p.State.Minter = family
					e.recalled.latest(family)
				}
				e.recalled.blobs = append(e.recalled.blobs, p.State)
			}
		}
		for k := 0; k < len(parts) && !found && m.HasTurns(s.rec.Workload); k++ {
			c, is := parts[k].Content.(chat.ToolCall)
			if !is {
				continue
			}
			if left--; left < 0 {
				break
			}
			t, err := m.Turn(ctx, owner, c)
			s.unremembered(err)
			if found = t != nil; found {
				if e.recalled.turns == nil {
					e.recalled.turns = map[int]*state.Turn{}
				}
				e.recalled.turns[i] = t
				e.recalled.latest(t.Family)
			}
		}
	}
}

// latest notes a family, unless a later one is known: requests are read from their end.
func (r *recalled) latest(family string) {
	if r.family == "" {
		r.family = family
	}
}

// homeward puts the offerings of the family that minted a request's latest
// state first, order otherwise kept. It adds none.
func (s *serving) homeward(permit *policy.Permit, order []int) []int {
	family := s.entry.recalled.family
	if family == "" {
		return order
	}
	out := make([]int, 0, len(order))
	for _, own := range []bool{true, false} {
		for _, n := range order {
			if (s.snapshot.ways[permit.Offering(n).Index].to.Family == family) == own {
				out = append(out, n)
			}
		}
	}
	return out
}

// astray reports whether a request may not go to an offering of its own dialect
// as it is: it holds state of another minter, or lacks blocks of this one's.
// State of which nobody knows the minter goes where the estate lets it. What
// cannot be read to see is refused.
func (s *serving) astray(w *way) (bool, error) {
	r := &s.entry.recalled
	if r.murky != nil {
		return false, r.murky
	}
	for _, b := range r.blobs {
		if b.Minter != w.to.Family && !(b.Minter == "" && w.to.UnknownOK) {
			return true, nil
		}
	}
	for _, t := range r.turns {
		if t.Family == w.to.Family {
			return true, nil
		}
	}
	return false, nil
}

// addressed is the request with the blocks that the offering's family minted,
// put back; those of others are named as lost.
func (s *serving) addressed(w *way) *chat.Request {
	e := &s.entry
	if len(e.recalled.turns) == 0 {
		return e.hub
	}
	r, back := *e.hub, 0
	r.Messages = append([]chat.Message(nil), r.Messages...)
	for i, t := range e.recalled.turns {
		if t.Family != w.to.Family {
			e.losses.Drop("messages[].parts[].state")
			continue
		}
		back++
		r.Messages[i].Parts = t.Into(r.Messages[i].Parts)
	}
	s.g.options.State.PutBack(back)
	return &r
}

// forgone names for the relay lane what is kept of the request and stays here.
func (s *serving) forgone(w *way) *chat.Losses {
	if len(s.entry.recalled.turns) == 0 {
		return nil
	}
	l := s.ours().Losses(w.dialect, nil)
	l.Drop("messages[].parts[].state")
	return l
}

// remember keeps what the reply that the caller gets has minted. It is durable
// before the reply is complete; if it cannot be, a later turn may go without.
func (s *serving) remember(ctx context.Context) {
	if s.g.options.State == nil || s.current == nil {
		return
	}
	h := s.current.lane.heard()
	if len(h.minted.blobs) == 0 {
		return
	}
	s.unremembered(s.g.options.State.Keep(ctx, state.Owner{Workload: s.rec.Workload, Subject: s.rec.Key},
		state.Minted{Family: s.current.way.to.Family, Blobs: h.minted.blobs, Turns: h.minted.turns(s.in.Dialect)}, state.Defaults))
}

// unremembered tells the operators that the memory failed; no call waits for it.
func (s *serving) unremembered(err error) {
	if err != nil {
		s.g.options.Log.LogAttrs(s.r.Context(), slog.LevelError, "the memory of opaque state failed", slog.String("call", string(s.rec.ID)), slog.Any("cause", err))
	}
}

// carries says what state callers of a dialect can carry: a call's signature in
// openai's is carried by few clients, so that it counts as not.
func carries(n dialect.Name) state.Carries {
	return func(p *chat.Part) bool {
		_, reasoning := p.Content.(chat.Reasoning)
		switch n {
		case dialect.Gemini:
			return p.State.Kind == chat.ThoughtSig
		case dialect.Responses:
			return reasoning
		case dialect.Anthropic:
			return reasoning && p.State.Kind != chat.ThoughtSig
		case dialect.Bedrock:
			return reasoning && (p.State.Kind == chat.SignedText || p.State.Kind == chat.Redacted)
		}
		return false
	}
}

// minted is what a reply mints, as it is heard.
type minted struct {
	on      bool // there is a memory to keep it
	blobs   []string
	choices []gathered
	text    int // bytes of it
	over    bool
}

// gathered are the parts of one choice; said is the text of the one that is open.
type gathered struct {
	parts []chat.Part
	said  []byte
}

const (
	maxMintedText    = 4 << 20
	maxMintedChoices = 8
)

// maxSigned bounds the signatures of one relayed reply.
const maxSigned = 256

// signed hears signatures that pass as they came: whose they are is kept, and
// the calls beside them are not, for they go to the caller with them.
func (m *minted) signed(blobs []string) {
	if m.on && len(m.blobs)+len(blobs) <= maxSigned {
		m.blobs = append(m.blobs, blobs...)
	}
}

// event hears one event.
func (m *minted) event(e *chat.Event) {
	if !m.on || m.over || e.Choice >= maxMintedChoices {
		return
	}
	if e.Kind == chat.Start {
		for len(m.choices) <= e.Choice {
			m.choices = append(m.choices, gathered{})
		}
		c := &m.choices[e.Choice]
		c.parts, c.said = append(c.parts, *e.Part), c.said[:0]
		return
	}
	if e.Choice >= len(m.choices) || len(m.choices[e.Choice].parts) == 0 {
		return
	}
	c := &m.choices[e.Choice]
	p := &c.parts[len(c.parts)-1]
	switch e.Kind {
	case chat.Delta:
		if k := p.Content.Kind(); k != chat.KindReasoning && k != chat.KindCall {
			return
		}
		if m.text += len(e.Bytes); m.text > maxMintedText {
			m.over, m.choices = true, nil
			return
		}
		c.said = append(c.said, e.Bytes...)
	case chat.Seal:
		own := *e.State
		p.State, m.blobs = &own, append(m.blobs, own.Blob)
	case chat.Stop:
		switch x := p.Content.(type) {
		case chat.Reasoning:
			x.Text = string(c.said)
			p.Content = x
		case chat.ToolCall:
			x.Arguments = string(c.said)
			p.Content = x
		}
	}
}

// turns are what of the reply a caller of the dialect cannot carry.
func (m *minted) turns(n dialect.Name) (out []state.Turn) {
	if m.over {
		return nil
	}
	for _, c := range m.choices {
		if t, kept := state.NewTurn(c.parts, carries(n)); kept {
			out = append(out, t)
		}
	}
	return out
}
