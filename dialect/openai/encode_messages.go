package openai

import (
	"encoding/base64"
	"strings"

	"bulkhead/chat"
)

// atPart is the hub's path of what messages are made of.
const atPart = "messages[].parts[]"

// messages writes the conversation, with the instructions that stand beside it first.
func (e *encoder) messages() error {
	messages := e.r.Messages
	if scattered(messages) {
		messages = chat.Turns(messages)
	}
	e.w.array("messages")
	if len(e.r.Instructions) > 0 {
		m := chat.Message{Role: chat.System, Parts: e.r.Instructions}
		if err := e.instruct("instructions[]", &m); err != nil {
			return err
		}
	}
	const at = "messages[]" // the hub has lost where in the caller's list it was
	for i := range messages {
		m := &messages[i]
		var err error
		switch m.Role {
		case chat.System, chat.Developer:
			err = e.instruct(atPart, m)
		case chat.Assistant:
			err = e.assistant(m)
		default:
			err = e.user(m)
		}
		if err != nil {
			return err
		}
	}
	e.w.close(']')
	if n := len(messages); n > 0 && messages[n-1].Role == chat.Assistant {
		return e.l.Refuse(at, "does not continue an assistant's message")
	}
	return nil
}

// scattered reports whether results come after what else the user says, where
// the dialect wants them right after their calls.
func scattered(messages []chat.Message) bool {
	for i := 1; i < len(messages); i++ {
		if messages[i].Role != chat.User || messages[i-1].Role != chat.User {
			continue
		}
		for _, p := range messages[i].Parts {
			if _, is := p.Content.(chat.ToolResult); is {
				return true
			}
		}
	}
	return false
}

// begin opens a message; finish writes its own fields and closes it.
func (e *encoder) begin(role string, name string) {
	e.w.open('{')
	e.w.str("role", role)
	e.w.said("name", name)
}

func (e *encoder) finish(at string, x chat.Extra) {
	e.w.extra(e.l.Own(at, x), "")
	e.w.close('}')
}

// instruct writes a system or developer message.
func (e *encoder) instruct(at string, m *chat.Message) error {
	e.begin(string(m.Role), m.Name)
	parts := make([]chat.Part, 0, len(m.Parts))
	for _, p := range m.Parts {
		if _, is := p.Content.(chat.Text); is {
			parts = append(parts, p)
		} else if err := e.l.Refuse(at, "has only text in instructions"); err != nil {
			return err
		}
	}
	if err := e.content(at, parts); err != nil {
		return err
	}
	e.finish("messages[]", m.Extra)
	return nil
}

// assistant writes an earlier reply: its text, then its calls.
func (e *encoder) assistant(m *chat.Message) error {
	var said, calls []chat.Part
	var refusal string
	var spoken chat.Raw
	for _, p := range m.Parts {
		switch x := p.Content.(type) {
		case chat.Text:
			if len(calls) > 0 && x.Text != "" {
				e.l.Approximate("messages[].parts") // said after a call, written before it
			}
			if len(x.Citations) > 0 {
				e.l.Drop(atPart + ".citations")
			}
			if p.State != nil {
				e.l.Drop(atPart + ".state")
			}
			said = append(said, p)
		case chat.Refusal:
			refusal += x.Text
		case chat.Reasoning:
			e.unsaid(&p, &x)
		case chat.ToolCall:
			calls = append(calls, p)
		case chat.Native:
			if x.Dialect == own && x.Type == "audio" {
				spoken = x.Value
			} else if err := e.l.Refuse(atPart, "has nothing like "+x.Type+" of "+x.Dialect); err != nil {
				return err
			}
		default:
			if err := e.l.Refuse(atPart, "has only text and calls in an assistant's message"); err != nil {
				return err
			}
		}
	}
	if len(said) == 0 && len(calls) == 0 && refusal == "" && spoken == nil && m.Extra.Of(own) == nil {
		return nil // all of it had no place, and an empty message may not be
	}
	e.begin("assistant", m.Name)
	if len(said) == 0 {
		e.w.null("content")
	} else if err := e.content(atPart, said); err != nil {
		return err
	}
	e.w.said("refusal", refusal)
	if spoken != nil {
		e.w.value("audio", spoken)
	}
	if len(calls) > 0 {
		e.w.array("tool_calls")
		for i := range calls {
			e.call(calls[i])
		}
		e.w.close(']')
	}
	e.finish("messages[]", m.Extra)
	return nil
}

// unsaid names reasoning, for which the dialect has no place.
func (e *encoder) unsaid(p *chat.Part, x *chat.Reasoning) {
	if p.State != nil {
		e.l.Drop(atPart + ".state")
	}
	if x.Text != "" {
		e.l.Drop(atPart + ".reasoning")
	}
}

// call writes one call, with its signature if its minter is asked.
func (e *encoder) call(p chat.Part) {
	if s := p.State; s != nil {
		home := s.Minter == e.to.Family && s.Minter != "" || s.Minter == "" && e.to.UnknownOK
		if s.Kind != chat.ThoughtSig || !home {
			e.l.Drop(atPart + ".state")
			p.State = nil
		}
	}
	p.Extra = e.l.Own(atPart, p.Extra)
	e.w.toolCall(&p, chat.FitID(p.Content.(chat.ToolCall).ID))
}

// user writes results as messages of tools, and then what else the user says.
// A tool's message holds only text: images of results go to the user's.
func (e *encoder) user(m *chat.Message) error {
	var rest, shown []chat.Part
	for _, p := range m.Parts {
		result, is := p.Content.(chat.ToolResult)
		if !is {
			rest = append(rest, p)
			continue
		}
		media, err := e.result(&p, &result)
		if err != nil {
			return err
		}
		shown = append(shown, media...)
	}
	if len(rest) == 0 && len(shown) == 0 && len(m.Parts) > 0 && m.Extra.Of(own) == nil {
		return nil
	}
	e.begin("user", m.Name)
	if err := e.content(atPart, append(shown, rest...)); err != nil {
		return err
	}
	e.finish("messages[]", m.Extra)
	return nil
}

// result writes one result and gives what of it a tool's message cannot hold.
func (e *encoder) result(p *chat.Part, r *chat.ToolResult) (media []chat.Part, err error) {
	const at = atPart
	e.w.open('{')
	e.w.str("role", "tool")
	e.w.str("tool_call_id", chat.FitID(r.CallID))
	e.w.said("name", r.Name)
	var said []chat.Part
	if r.Error {
		e.l.Approximate(at + ".error")
		said = append(said, chat.Say("Error: "))
	}
	for i, inner := range r.Parts {
		switch x := inner.Content.(type) {
		case chat.Text:
			if r.Error && len(said) == 1 && i == 0 {
				x.Text = "Error: " + x.Text
				inner.Content, said = x, said[:0]
			}
			said = append(said, inner)
		case chat.JSON:
			e.l.Approximate(at + ".parts[].value")
			said = append(said, chat.Say(string(x.Value)))
		case chat.Media:
			e.l.Approximate(at + ".parts")
			media = append(media, inner)
		default:
			if err := e.l.Refuse(at+".parts[]", "has only text in results"); err != nil {
				return nil, err
			}
		}
	}
	if err := e.content(at+".parts[]", said); err != nil {
		return nil, err
	}
	if p.Cache != nil {
		e.l.Drop(at + ".cache")
	}
	e.finish(at, p.Extra)
	return media, nil
}

// content writes parts: one text without anything beside it as a string, all
// else as a list.
func (e *encoder) content(at string, parts []chat.Part) error {
	if len(parts) == 0 {
		e.w.str("content", "")
		return nil
	}
	if x, is := parts[0].Content.(chat.Text); is && len(parts) == 1 && parts[0].Extra == nil && !e.marks(at, &parts[0]) {
		e.w.str("content", x.Text)
		return nil
	}
	e.w.array("content")
	for i := range parts {
		if err := e.part(at, &parts[i]); err != nil {
			return err
		}
	}
	e.w.close(']')
	return nil
}

// marks reports whether a cache mark is written. Only newer models take them,
// so they go where the caller speaks of them in this dialect's own words.
func (e *encoder) marks(at string, p *chat.Part) bool {
	if p.Cache == nil {
		return false
	}
	if e.r.Extra.Get(own, "prompt_cache_options") != nil {
		return true
	}
	e.l.Drop(at + ".cache")
	return false
}

func (e *encoder) part(at string, p *chat.Part) error {
	w, mine := &e.w, e.l.Own(at, p.Extra)
	switch x := p.Content.(type) {
	case chat.Text:
		w.open('{')
		w.str("type", "text")
		w.str("text", x.Text)
	case chat.Media:
		if ok, err := e.media(at, &x, mine); !ok {
			return err
		}
	case chat.Native:
		return e.l.Refuse(at, "has nothing like "+x.Type+" of "+x.Dialect)
	default:
		return e.l.Refuse(at, "has no place for it in a user's message")
	}
	if e.marks(at, p) {
		w.object("prompt_cache_breakpoint")
		w.str("mode", "explicit")
		w.close('}')
	}
	w.extra(mine, "")
	w.close('}')
	return nil
}

// media opens a part that is no text; it says false if there is none.
func (e *encoder) media(at string, x *chat.Media, mine chat.Extra) (bool, error) {
	w := &e.w
	if x.Context != "" {
		e.l.Drop(at + ".context")
	}
	if x.Cite {
		e.l.Drop(at + ".cite")
	}
	refuse := func(member, why string) (bool, error) { return false, e.l.Refuse(at+member, why) }
	switch {
	case x.Medium == chat.Image && (x.Data != "" || x.URL != ""):
		if x.Data != "" && !strings.HasPrefix(x.Type, "image/") {
			return refuse(".media_type", "takes images of a stated type alone")
		}
		if strings.HasPrefix(x.URL, "gs:") || strings.HasPrefix(x.URL, "s3:") {
			return refuse(".url", "fetches no "+x.URL[:2]+" addresses")
		}
		w.open('{')
		w.str("type", "image_url")
		w.object("image_url")
		w.locate("url", x)
		w.said("detail", x.Detail)
		w.extra(mine, "image_url.")
	case x.Medium == chat.Audio && x.Data != "":
		format := formatOf(x.Type)
		if format == "" {
			return refuse(".media_type", "takes wav and mp3 alone")
		}
		w.open('{')
		w.str("type", "input_audio")
		w.object("input_audio")
		w.str("data", x.Data)
		w.str("format", format)
		w.extra(mine, "input_audio.")
	case x.Medium == chat.Document:
		return e.document(at, x, mine)
	default:
		return refuse("", "has no place for "+string(x.Medium)+" like this")
	}
	w.close('}')
	return true, nil
}

// locate writes an address, or the data as one.
func (w *writer) locate(name string, x *chat.Media) {
	if x.Data == "" {
		w.str(name, x.URL)
		return
	}
	w.name(name)
	w.b = append(w.b, '"')
	w.b = append(w.b, "data:"...)
	quoted := appendText(nil, x.Type)
	w.b = append(w.b, quoted[1:len(quoted)-1]...)
	w.b = append(w.b, ";base64,"...)
	w.b = append(w.b, appendText(nil, x.Data)[1:]...)
}

// formatOf is the dialect's word for a type of sound.
func formatOf(mediaType string) string {
	switch mediaType {
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "wav"
	case "audio/mpeg", "audio/mp3":
		return "mp3"
	}
	return ""
}

// document opens a file part. A document made of parts, or with an address,
// has no place.
func (e *encoder) document(at string, x *chat.Media, mine chat.Extra) (bool, error) {
	w := &e.w
	if x.URL != "" {
		return false, e.l.Refuse(at+".url", "fetches no documents")
	}
	data := *x
	if text, plain := chat.Plain(x.Parts); len(x.Parts) > 0 {
		if !plain {
			return false, e.l.Refuse(at+".parts", "has no documents made of parts")
		}
		data.Text = text
	}
	if data.Text != "" {
		if len(x.Parts) > 0 {
			e.l.Approximate(at + ".parts")
		}
		data.Type, data.Data = "text/plain", base64.StdEncoding.EncodeToString([]byte(data.Text))
	}
	w.open('{')
	w.str("type", "file")
	w.object("file")
	w.said("filename", x.Name)
	switch {
	case x.FileID != "":
		w.str("file_id", x.FileID)
	case data.Type == "":
		w.str("file_data", data.Data)
	default:
		w.locate("file_data", &data)
	}
	w.extra(mine, "file.")
	w.close('}')
	return true, nil
}
