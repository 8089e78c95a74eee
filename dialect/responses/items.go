package responses

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
	"bulkhead/fault"
)

// thread gathers items into messages: neighbours of one turn are one message
// of the assistant, and what tools gave back stands in the user's message that
// follows, before whatever else it says.
type thread struct {
	messages []chat.Message
	results  bool // the last message holds nothing but results
}

// item adds an item at an index of the input.
func (t *thread) item(i int, raw chat.Raw) error {
	var head struct {
		Type string `json:"type"`
		Role string `json:"role"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return malformed(fmt.Sprintf("input[%d]", i), err)
	}
	typ := head.Type
	if typ == "" && head.Role != "" {
		typ = "message"
	}
	switch typ {
	case "message", "function_call", "custom_tool_call", "function_call_output", "custom_tool_call_output", "reasoning":
	default:
		p := chat.Part{Content: chat.Native{Dialect: own, Type: typ, Value: raw.Clone()}}
		if itemTypes[typ] {
			t.result(p)
		} else {
			t.say(p)
		}
		return nil
	}
	var it itemJSON
	if err := json.Unmarshal(raw, &it); err != nil {
		return malformed(fmt.Sprintf("input[%d]", i), err)
	}
	x := it.extra()
	switch typ {
	case "message":
		if !roles[it.Role] {
			return unsupported(fmt.Sprintf("input[%d].role", i), it.Role)
		}
		parts, err := it.Content.chat(fmt.Sprintf("input[%d].content", i))
		if err != nil {
			return err
		}
		t.message(&it, parts, x)
	case "function_call":
		t.say(chat.Part{Content: chat.ToolCall{ID: it.CallID, Name: it.Name, Arguments: it.Arguments}, Item: it.ID, Extra: x})
	case "custom_tool_call":
		t.say(chat.Part{Content: chat.ToolCall{ID: it.CallID, Name: it.Name, Arguments: it.Input, Custom: true}, Item: it.ID, Extra: x})
	case "reasoning":
		t.say(it.reasoning(x)...)
	default:
		parts, err := it.Output.chat(fmt.Sprintf("input[%d].output", i))
		if err != nil {
			return err
		}
		t.result(chat.Part{Content: chat.ToolResult{CallID: it.CallID, Name: it.Name, Parts: parts, Custom: typ == "custom_tool_call_output"}, Extra: x})
	}
	return nil
}

// roles are those of messages (EasyInputMessage).
var roles = map[string]bool{string(chat.System): true, string(chat.Developer): true, string(chat.User): true, string(chat.Assistant): true}

// extra is what of an item the hub has no place for. Its status is not kept:
// what is sent back is whole.
func (it *itemJSON) extra() chat.Extra {
	x := extras(nil, "", it.Rest)
	if it.Phase != "" {
		x = append(x, chat.Field{Dialect: own, Name: "phase", Value: chat.Raw(quote(it.Phase))})
	}
	return x
}

// within precedes the name of a field of a content part where the part of the
// hub has the fields of the item too.
const within = "content."

// message adds a message item.
func (t *thread) message(it *itemJSON, parts []chat.Part, x chat.Extra) {
	if it.Role == string(chat.Assistant) {
		for k := range parts {
			parts[k].Item = it.ID
			for f := range parts[k].Extra {
				parts[k].Extra[f].Name = within + parts[k].Extra[f].Name
			}
			if k == 0 {
				parts[k].Extra = append(parts[k].Extra, x...)
			}
		}
		t.say(parts...)
		return
	}
	if it.Role == string(chat.User) && t.results {
		last := &t.messages[len(t.messages)-1]
		last.Parts, last.Extra = append(last.Parts, parts...), append(last.Extra, x...)
		t.results = false
		return
	}
	t.messages = append(t.messages, chat.Message{Role: chat.Role(it.Role), Parts: parts, Extra: x})
	t.results = false
}

// say adds to the assistant's turn.
func (t *thread) say(parts ...chat.Part) {
	t.results = false
	if n := len(t.messages); n > 0 && t.messages[n-1].Role == chat.Assistant {
		t.messages[n-1].Parts = append(t.messages[n-1].Parts, parts...)
		return
	}
	t.messages = append(t.messages, chat.Message{Role: chat.Assistant, Parts: parts})
}

// result adds what the caller gives back.
func (t *thread) result(p chat.Part) {
	if t.results {
		last := &t.messages[len(t.messages)-1]
		last.Parts = append(last.Parts, p)
		return
	}
	t.messages = append(t.messages, chat.Message{Role: chat.User, Parts: []chat.Part{p}})
	t.results = true
}

// reasoning gives the parts of a reasoning item: an entry of its summary or
// its content each, of which the last bears what is sealed.
func (it *itemJSON) reasoning(x chat.Extra) []chat.Part {
	var out []chat.Part
	for _, s := range it.Summary {
		out = append(out, chat.Part{Content: chat.Reasoning{Text: s.Text, Summary: true}, Item: it.ID})
	}
	for _, c := range it.Content.parts {
		out = append(out, chat.Part{Content: chat.Reasoning{Text: c.Text}, Item: it.ID})
	}
	if len(out) == 0 {
		out = append(out, chat.Part{Content: chat.Reasoning{}, Item: it.ID})
	}
	last := &out[len(out)-1]
	out[0].Extra = append(out[0].Extra, x...)
	if it.Encrypted != "" {
		last.State = openState(it.Encrypted)
		if last.State.Kind != chat.Encrypted { // a signature is of the reasoning itself
			for k := range out {
				r := out[k].Content.(chat.Reasoning)
				r.Summary = false
				out[k].Content = r
			}
		}
	}
	return out
}

// envelope precedes state that another dialect's vendor minted, so that its
// kind is not lost while the caller keeps it: envelope, kind, a dot, the blob.
const envelope = "bulkhead."

// sealState gives state as encrypted_content has it.
func sealState(s *chat.State) string {
	if s.Kind == chat.Encrypted {
		return s.Blob
	}
	return envelope + string(s.Kind) + "." + s.Blob
}

// openState reads encrypted_content.
func openState(sealed string) *chat.State {
	if rest, ours := strings.CutPrefix(sealed, envelope); ours {
		kind, blob, _ := strings.Cut(rest, ".")
		if k := chat.StateKind(kind); blob != "" && slices.Contains([]chat.StateKind{chat.SignedText, chat.Redacted, chat.ThoughtSig}, k) {
			return &chat.State{Kind: k, Blob: blob}
		}
	}
	return &chat.State{Kind: chat.Encrypted, Blob: sealed}
}

// chat gives content as parts.
func (c *contentJSON) chat(path string) ([]chat.Part, error) {
	if c.text != nil {
		return []chat.Part{chat.Say(*c.text)}, nil
	}
	out := make([]chat.Part, 0, len(c.parts))
	for i := range c.parts {
		p, err := c.parts[i].chat(fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// chat gives a content part.
func (p *partJSON) chat(path string) (chat.Part, error) {
	out := chat.Part{Extra: extras(nil, "", p.Rest)}
	if p.Breakpoint != nil {
		out.Cache = &chat.CacheMark{}
	}
	var err error
	switch p.Type {
	case "input_text", "summary_text", "reasoning_text":
		out.Content = chat.Text{Text: p.Text}
	case "output_text":
		out.Content = chat.Text{Text: p.Text, Citations: citations(p.Annotations), Logprobs: logprobs(p.Logprobs)}
	case "refusal":
		out.Content = chat.Refusal{Text: p.Refusal}
	case "input_image", "computer_screenshot":
		m := chat.Media{Medium: chat.Image, FileID: p.FileID, Detail: p.Detail}
		if m.Detail == "auto" { // the default
			m.Detail = ""
		}
		err = place(&m, string(p.ImageURL), path+".image_url")
		out.Content = m
	case "input_file":
		m := chat.Media{Medium: chat.Document, FileID: p.FileID, Name: p.Filename, URL: p.FileURL, Detail: p.Detail}
		if p.FileData != "" && !isData(p.FileData) {
			m.Data, m.Type = p.FileData, sniff(p.FileData)
		} else {
			err = place(&m, p.FileData, path+".file_data")
		}
		out.Content = m
	case "input_audio":
		if p.Audio != nil {
			p.Data, p.Format = p.Audio.Data, p.Audio.Format
		}
		out.Content = chat.Media{Medium: chat.Audio, Type: "audio/" + p.Format, Data: p.Data}
	default:
		err = fault.New(fault.Unsupported, "%s is of a type that Bulkhead does not know.", path).At(path + ".type").Final()
	}
	return out, err
}

func isData(url string) bool { return len(url) >= 5 && strings.EqualFold(url[:5], "data:") }

// place says where media are: in a data URL, or at an address.
func place(m *chat.Media, url, path string) error {
	if !isData(url) {
		if url != "" {
			m.URL = url
		}
		return nil
	}
	var ok bool
	if m.Type, m.Data, ok = chat.DataURL(url); !ok {
		return fault.New(fault.Malformed, "%s is a data URL that is not base64.", path).At(path).Final()
	}
	if m.Type == "" {
		m.Type = sniff(m.Data)
	}
	if m.Type == "image/jpg" {
		m.Type = "image/jpeg"
	}
	return nil
}

// magic are the first characters, in base64, of what tells its own type.
var magic = [...]struct{ head, typ string }{
	{"JVBERi0", "application/pdf"}, {"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"},
}

// sniff tells a media type by the first bytes; empty: it cannot.
func sniff(data string) string {
	for _, m := range magic {
		if strings.HasPrefix(data, m.head) {
			return m.typ
		}
	}
	return ""
}

// citations puts annotations into the hub. Those that it cannot say whole are
// kept whole too.
func citations(list []chat.Raw) []chat.Citation {
	var out []chat.Citation
	for _, raw := range list {
		out = append(out, citation(raw))
	}
	return out
}

func citation(raw chat.Raw) chat.Citation {
	var a struct {
		Type     string   `json:"type"`
		URL      string   `json:"url"`
		Title    string   `json:"title"`
		Start    *int64   `json:"start_index"`
		End      *int64   `json:"end_index"`
		FileID   string   `json:"file_id"`
		Filename string   `json:"filename"`
		Rest     chat.Raw `json:",embed"`
	}
	c := chat.Citation{Kind: chat.CiteOther}
	err := json.Unmarshal(raw, &a)
	if err == nil {
		switch a.Type {
		case "url_citation":
			c.Kind, c.URL, c.Title = chat.CiteURL, a.URL, a.Title
		case "file_citation", "container_file_citation", "file_path":
			c.Kind, c.File, c.Title = chat.CiteFile, a.FileID, a.Filename
		}
		if a.Start != nil && a.End != nil {
			c.Span = &chat.Range{Start: *a.Start, End: *a.End}
		}
	}
	if err != nil || c.Kind != chat.CiteURL || c.Span == nil || len(a.Rest) > 2 {
		c.Native = &chat.Field{Dialect: own, Name: a.Type, Value: raw.Clone()}
	}
	return c
}
