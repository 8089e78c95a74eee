// Package chat is the hub: the canonical conversation into which every dialect
// is read and from which every dialect is written, so that five dialects need
// five pairs of mappers and not twenty.
//
// It knows no wire, no vendor and no model. What a dialect says that others
// can say too has a place here; what only it can say stands in an [Extra] or a
// [Native] part, goes back to its own dialect alone, and is named as a loss
// elsewhere. Text that must not change (arguments, schemas, numbers, inline
// bytes, opaque state) is kept as it was written.
//
// Begin with [Request] and [Part] for what is asked, [Event] for what is
// answered, [Losses] for what could not be carried. The canonical JSON of all
// of them ([Marshal]) is what `translate --to chat` prints; its names are the
// field paths of losses and refusals. docs/adr/0006-hub.md says why it is so.
package chat

// Request is one turn asked of a model, with all that came before it. The zero
// value of a field says that the caller did not state it.
type Request struct {
	Model string `json:"model,omitzero"` // as the caller asked: an alias, never a vendor's id

	// Instructions stand beside the conversation, where a dialect has a place
	// for them; those within it are messages of role System or Developer.
	Instructions []Part    `json:"instructions,omitempty"`
	Messages     []Message `json:"messages,omitempty"`

	Tools    []Tool      `json:"tools,omitempty"`
	Choice   *ToolChoice `json:"tool_choice,omitzero"`
	Parallel *bool       `json:"parallel_tools,omitzero"` // may the model call several tools at once

	Format    *Format   `json:"format,omitzero"`
	Thinking  *Thinking `json:"thinking,omitzero"`
	Sampling  Sampling  `json:"sampling,omitzero"`
	Cache     Caching   `json:"caching,omitzero"`
	Verbosity string    `json:"verbosity,omitzero"` // low, medium, high
	Modes     []string  `json:"modalities,omitempty"`

	Stream bool `json:"stream,omitzero"`
	Usage  bool `json:"include_usage,omitzero"` // the caller asked for usage in the stream

	User     string            `json:"user,omitzero"`      // an id of the person at the caller's
	SafetyID string            `json:"safety_id,omitzero"` // the same, hashed for the vendor's safety systems
	Metadata map[string]string `json:"metadata,omitempty"`
	Tier     string            `json:"service_tier,omitzero"`
	Store    *bool             `json:"store,omitzero"`

	Extra Extra `json:"extra,omitempty"`
}

// Role is who speaks.
type Role string

// The roles. Results of tools are parts of a user's message.
const (
	System    Role = "system"
	Developer Role = "developer"
	User      Role = "user"
	Assistant Role = "assistant"
)

// Message is one message of the conversation.
type Message struct {
	Role  Role   `json:"role"`
	Name  string `json:"name,omitzero"` // of the participant; only some dialects have it
	Parts []Part `json:"parts,omitempty"`
	Extra Extra  `json:"extra,omitempty"`
}

// Extra are fields that only their own dialect knows, in order of place.
type Extra []Field

// Field is one field of a dialect, with its value as it was written.
type Field struct {
	Dialect string `json:"dialect"`
	Name    string `json:"name"`
	Value   Raw    `json:"value"`
}

// Of gives the fields of a dialect.
func (x Extra) Of(dialect string) Extra {
	var out Extra
	for _, f := range x {
		if f.Dialect == dialect {
			out = append(out, f)
		}
	}
	return out
}

// Get gives the value of a dialect's field, nil if there is none.
func (x Extra) Get(dialect, name string) Raw {
	for _, f := range x {
		if f.Dialect == dialect && f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Lead gives the instructions that stand beside the conversation and those
// that lead it, in order, and the messages that follow: for dialects with one
// place for instructions.
func (r *Request) Lead() ([]Part, []Message) {
	n := 0
	for n < len(r.Messages) && r.Messages[n].instructs() {
		n++
	}
	if n == 0 {
		return r.Instructions, r.Messages
	}
	parts := append([]Part(nil), r.Instructions...)
	for _, m := range r.Messages[:n] {
		parts = append(parts, m.Parts...)
	}
	return parts, r.Messages[n:]
}

func (m *Message) instructs() bool { return m.Role == System || m.Role == Developer }

// Turns merges neighbours of one role, for dialects whose turns alternate, and
// puts results of tools before whatever else their message holds. Messages
// that become empty are left out; of several names the first stays. What it
// is given is not changed.
func Turns(messages []Message) []Message {
	out := make([]Message, 0, len(messages))
	for _, m := range messages {
		if len(m.Parts) == 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Role == m.Role {
			last := &out[n-1]
			last.Parts = append(append([]Part(nil), last.Parts...), m.Parts...)
			last.Extra = append(append(Extra(nil), last.Extra...), m.Extra...)
			continue
		}
		out = append(out, m)
	}
	for i := range out {
		out[i].Parts = resultsFirst(out[i].Parts)
	}
	return out
}

// resultsFirst moves results before the other parts, order otherwise kept.
func resultsFirst(parts []Part) []Part {
	other, sorted := 0, true
	for _, p := range parts {
		if _, result := p.Content.(ToolResult); !result {
			other++
		} else if other > 0 {
			sorted = false
		}
	}
	if sorted {
		return parts
	}
	out := make([]Part, 0, len(parts))
	for _, want := range []bool{true, false} {
		for _, p := range parts {
			if _, result := p.Content.(ToolResult); result == want {
				out = append(out, p)
			}
		}
	}
	return out
}

// Call gives the latest call of that id before message n, for dialects that
// need its name or its place beside the result.
func Call(messages []Message, n int, id string) (ToolCall, bool) {
	for i := min(n, len(messages)) - 1; i >= 0; i-- {
		for _, p := range messages[i].Parts {
			if c, ok := p.Content.(ToolCall); ok && c.ID == id {
				return c, true
			}
		}
	}
	return ToolCall{}, false
}
