package chat

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	errNumber  = errors.New("not a number")
	errContent = errors.New("a part whose type is not known, or with fields of another type")
)

// options of canonical JSON: names in the order of the types' fields, those of
// maps sorted, nothing that was not stated, raw values without white space but
// otherwise as they were written.
var options = json.JoinOptions(json.Deterministic(true), json.RejectUnknownMembers(true), jsontext.PreserveRawStrings(true))

// Marshal writes the canonical JSON of a *Request, *Reply, *Event,
// *EmbedRequest or *EmbedReply: one line, stable for one value.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, options) }

// Unmarshal reads what [Marshal] wrote; names that it does not write are errors.
func Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v, options) }

// partJSON is a part as it lies in canonical JSON: the members of its content
// beside those of the part, told apart by type.
type partJSON struct {
	Type Kind `json:"type"`

	Text      string     `json:"text,omitzero"`
	Citations []Citation `json:"citations,omitempty"`
	Logprobs  []Logprob  `json:"logprobs,omitempty"`
	Summary   bool       `json:"summary,omitzero"`

	ID        string `json:"id,omitzero"`
	CallID    string `json:"call_id,omitzero"`
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments,omitzero"`
	Custom    bool   `json:"custom,omitzero"`
	Error     bool   `json:"error,omitzero"`
	Parts     []Part `json:"parts,omitempty"`

	Medium     Medium `json:"medium,omitzero"`
	MediaType  string `json:"media_type,omitzero"`
	Data       string `json:"data,omitzero"`
	URL        string `json:"url,omitzero"`
	FileID     string `json:"file_id,omitzero"`
	Context    string `json:"context,omitzero"`
	Cite       bool   `json:"cite,omitzero"`
	Detail     string `json:"detail,omitzero"`
	Transcript string `json:"transcript,omitzero"`

	Dialect string `json:"dialect,omitzero"`
	Native  string `json:"native,omitzero"`
	Value   Raw    `json:"value,omitempty"`

	Cache *CacheMark `json:"cache,omitzero"`
	State *State     `json:"state,omitzero"`
	Item  string     `json:"item,omitzero"`
	Extra Extra      `json:"extra,omitempty"`
}

// MarshalJSONTo writes the part.
func (p Part) MarshalJSONTo(e *jsontext.Encoder) error {
	if p.Content == nil {
		return errContent
	}
	j := flat(p.Content)
	j.Cache, j.State, j.Item, j.Extra = p.Cache, p.State, p.Item, p.Extra
	return json.MarshalEncode(e, &j, options)
}

func flat(c Content) partJSON {
	j := partJSON{Type: c.Kind()}
	switch x := c.(type) {
	case Text:
		j.Text, j.Citations, j.Logprobs = x.Text, x.Citations, x.Logprobs
	case Refusal:
		j.Text, j.Logprobs = x.Text, x.Logprobs
	case Reasoning:
		j.Text, j.Summary = x.Text, x.Summary
	case ToolCall:
		j.ID, j.Name, j.Arguments, j.Custom = x.ID, x.Name, x.Arguments, x.Custom
	case ToolResult:
		j.CallID, j.Name, j.Parts, j.Error, j.Custom = x.CallID, x.Name, x.Parts, x.Error, x.Custom
	case JSON:
		j.Value = x.Value
	case Native:
		j.Dialect, j.Native, j.Value = x.Dialect, x.Type, x.Value
	case Media:
		j.Medium, j.MediaType, j.Data, j.URL, j.FileID, j.Text, j.Parts = x.Medium, x.Type, x.Data, x.URL, x.FileID, x.Text, x.Parts
		j.Name, j.Context, j.Cite, j.Detail, j.Transcript = x.Name, x.Context, x.Cite, x.Detail, x.Transcript
	}
	return j
}

// UnmarshalJSONFrom reads a part, and refuses members that are not of its type.
func (p *Part) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var j partJSON
	if err := json.UnmarshalDecode(d, &j, options); err != nil {
		return err
	}
	c := j.content()
	if c == nil {
		return fmt.Errorf("%w: %q", errContent, j.Type)
	}
	*p = Part{Content: c, Cache: j.Cache, State: j.State, Item: j.Item, Extra: j.Extra}
	back := flat(c)
	if len(back.Parts) != len(j.Parts) {
		return fmt.Errorf("%w: %q", errContent, j.Type)
	}
	j.Cache, j.State, j.Item, j.Extra = nil, nil, "", nil
	j.Parts, back.Parts = nil, nil // compared without them, so that depth costs no square
	was, err := json.Marshal(&j, options)
	if err != nil {
		return err
	}
	is, err := json.Marshal(&back, options)
	if err != nil {
		return err
	}
	if string(was) != string(is) {
		return fmt.Errorf("%w: %q", errContent, j.Type)
	}
	return nil
}

func (j *partJSON) content() Content {
	switch j.Type {
	case KindText:
		return Text{j.Text, j.Citations, j.Logprobs}
	case KindRefusal:
		return Refusal{j.Text, j.Logprobs}
	case KindReasoning:
		return Reasoning{j.Text, j.Summary}
	case KindCall:
		return ToolCall{j.ID, j.Name, j.Arguments, j.Custom}
	case KindResult:
		return ToolResult{j.CallID, j.Name, j.Parts, j.Error, j.Custom}
	case KindJSON:
		return JSON{j.Value}
	case KindNative:
		return Native{j.Dialect, j.Native, j.Value}
	case KindMedia:
		return Media{Medium: j.Medium, Type: j.MediaType, Data: j.Data, URL: j.URL, FileID: j.FileID, Text: j.Text, Parts: j.Parts,
			Name: j.Name, Context: j.Context, Cite: j.Cite, Detail: j.Detail, Transcript: j.Transcript}
	}
	return nil
}

// eventJSON is an event as it lies in canonical JSON.
type eventJSON struct {
	Event    string     `json:"event"`
	Choice   int        `json:"choice,omitzero"`
	Index    int        `json:"part_index,omitzero"`
	Text     string     `json:"text,omitzero"`
	Head     *Head      `json:"head,omitzero"`
	Part     *Part      `json:"part,omitzero"`
	State    *State     `json:"state,omitzero"`
	Citation *Citation  `json:"citation,omitzero"`
	Logprobs []Logprob  `json:"logprobs,omitempty"`
	Ending   *Ending    `json:"ending,omitzero"`
	Usage    *Usage     `json:"usage,omitzero"`
	Fault    *faultJSON `json:"fault,omitzero"`
}

type faultJSON struct {
	Kind    string `json:"kind"`
	Message string `json:"message,omitzero"`
}

// MarshalJSONTo writes the event; of a fault its kind and its message.
func (e Event) MarshalJSONTo(enc *jsontext.Encoder) error {
	j := eventJSON{Event: e.Kind.String(), Choice: e.Choice, Index: e.Index, Text: string(e.Bytes), Head: e.Head, Part: e.Part,
		State: e.State, Citation: e.Citation, Logprobs: e.Logprobs, Ending: e.Ending, Usage: e.Usage}
	if e.Fault != nil {
		j.Fault = &faultJSON{string(e.Fault.Kind), e.Fault.Message}
	}
	return json.MarshalEncode(enc, &j, options)
}
