package state

import (
	"errors"
	"fmt"

	"bulkhead/chat"
)

// Turn is what of an assistant's turn its caller cannot carry: the reasoning
// with its state, and the state of calls and texts, in their places. Of calls
// and texts themselves it holds no more than that they were there.
type Turn struct {
	Family string // that minted it; set by [Memory.Keep]
	Parts  []chat.Part

	key chat.ToolCall // the first call, whole; of a turn that was read it is empty
}

// Carries says whether a caller's dialect has a place for the state of a part.
type Carries func(p *chat.Part) bool

// NewTurn makes what must be kept of a whole turn, and says no if its caller
// carries all, or if there is no call by which it could be found again.
func NewTurn(parts []chat.Part, carries Carries) (Turn, bool) {
	var t Turn
	lost, calls := false, 0
	for i := range parts {
		p := &parts[i]
		keep := p.State != nil && !carries(p)
		lost = lost || keep
		k := chat.Part{Item: p.Item}
		if keep {
			k.State = p.State
		}
		switch x := p.Content.(type) {
		case chat.Reasoning:
			if p.State != nil && !keep {
				continue
			}
			k.Content = x
		case chat.ToolCall:
			if calls++; calls > maxCallsATurn {
				return Turn{}, false
			}
			if t.key.ID == "" {
				t.key = x
			}
			k.Content = chat.ToolCall{ID: chat.FitID(x.ID)}
		case chat.Text:
			k.Content = chat.Text{}
		default:
			continue
		}
		t.Parts = append(t.Parts, k)
	}
	return t, lost && calls > 0
}

func (t *Turn) first() (chat.ToolCall, bool) { return t.key, t.key.ID != "" }

// kept is a turn in a box.
type kept struct {
	Version int         `json:"v"`
	Family  string      `json:"family"`
	Parts   []chat.Part `json:"parts"`
}

// version of what is in a box.
const version = 1

func (t *Turn) encode() ([]byte, error) {
	b, err := chat.Marshal(&kept{version, t.Family, t.Parts})
	if err != nil {
		return nil, fmt.Errorf("keep turn: %w", err)
	}
	if len(b) > maxTurnBytes {
		return nil, ErrTooLarge
	}
	return b, nil
}

var errTurn = errors.New("a box of the memory of state holds no turn")

// Decode reads a turn that was in a box.
func Decode(b []byte) (*Turn, error) {
	if len(b) > maxTurnBytes {
		return nil, ErrTooLarge
	}
	var k kept
	if err := chat.Unmarshal(b, &k); err != nil || k.Version != version || k.Family == "" {
		return nil, errTurn
	}
	calls := 0
	for i := range k.Parts {
		p := &k.Parts[i]
		if p.Cache != nil || p.Extra != nil || p.State != nil && p.State.Blob == "" {
			return nil, errTurn
		}
		switch x := p.Content.(type) {
		case chat.Reasoning:
		case chat.ToolCall:
			if calls++; x != (chat.ToolCall{ID: x.ID}) || x.ID == "" || calls > maxCallsATurn {
				return nil, errTurn
			}
		case chat.Text:
			if x.Text != "" || x.Citations != nil || x.Logprobs != nil {
				return nil, errTurn
			}
		default:
			return nil, errTurn
		}
	}
	if calls == 0 {
		return nil, errTurn
	}
	return &Turn{Family: k.Family, Parts: k.Parts}, nil
}

// Into puts the turn's blocks back among the parts that its caller sent, which
// are not changed. Reasoning that the caller sent without its state gives way
// to the turn's own; state that the caller did carry stays.
func (t *Turn) Into(parts []chat.Part) []chat.Part {
	reasoned := false
	for i := range t.Parts {
		if _, is := t.Parts[i].Content.(chat.Reasoning); is {
			reasoned = true
		}
	}
	rest := make([]chat.Part, 0, len(parts))
	at := map[string]int{} // of the calls that are still in rest
	for _, p := range parts {
		if _, is := p.Content.(chat.Reasoning); is && p.State == nil && reasoned {
			continue
		}
		if c, is := p.Content.(chat.ToolCall); is {
			at[chat.FitID(c.ID)] = len(rest)
		}
		rest = append(rest, p)
	}
	out, taken := make([]chat.Part, 0, len(rest)+len(t.Parts)), 0
	for i := range t.Parts {
		k := &t.Parts[i]
		switch x := k.Content.(type) {
		case chat.Reasoning:
			p := *k
			p.State = minted(k.State, t.Family)
			out = append(out, p)
		case chat.Text:
			if taken < len(rest) && rest[taken].Content.Kind() == chat.KindText {
				out = append(out, with(rest[taken], k, t.Family))
				taken++
			}
		case chat.ToolCall:
			n, found := at[x.ID]
			if !found || n < taken { // it was left out, or stands elsewhere
				continue
			}
			out = append(out, rest[taken:n]...)
			out = append(out, with(rest[n], k, t.Family))
			taken = n + 1
		}
	}
	return append(out, rest[taken:]...)
}

// with gives a part of the caller's what was kept of it.
func with(p chat.Part, k *chat.Part, family string) chat.Part {
	if p.State == nil {
		p.State = minted(k.State, family)
	}
	if p.Item == "" {
		p.Item = k.Item
	}
	return p
}

func minted(s *chat.State, family string) *chat.State {
	if s == nil {
		return nil
	}
	own := *s
	own.Minter = family
	return &own
}
