package responses

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"

	dialects "bulkhead/dialect"
)

// encoder writes the items of a conversation.
type encoder struct {
	writer
	to     *dialects.Upstream
	losses *chat.Losses
	echo   bool // what was asked is said back in a reply, where all members stand
}

// maxCallIDBytes is the longest id of a call that the vendor takes (FunctionCallOutputItemParam).
const maxCallIDBytes = 64

func callID(id string) string {
	if id == "" || len(id) > maxCallIDBytes {
		return chat.FitID(id)
	}
	return id
}

// input writes the conversation.
func (e *encoder) input(messages []chat.Message) error {
	e.array("input")
	for i := range messages {
		m := &messages[i]
		if m.Name != "" {
			e.losses.Drop("messages[].name")
		}
		e.losses.Own("messages[]", m.Extra)
		var err error
		if m.Role == chat.Assistant {
			err = e.turn(i, m.Parts)
		} else {
			err = e.said(i, m)
		}
		if err != nil {
			return err
		}
	}
	e.close(']')
	return nil
}

// said writes a message that is not the assistant's: results of tools are
// items of their own, what stands between them is a message.
func (e *encoder) said(i int, m *chat.Message) error {
	open := false
	shut := func() {
		if open {
			e.close(']')
			e.own(m.Extra)
			e.close('}')
		}
		open = false
	}
	for j := range m.Parts {
		p := &m.Parts[j]
		path := fmt.Sprintf("messages[%d].parts[%d]", i, j)
		if p.Cache != nil {
			e.losses.Drop("messages[].parts[].cache")
		}
		switch x := p.Content.(type) {
		case chat.ToolResult:
			shut()
			if err := e.result(path, p, x); err != nil {
				return err
			}
			continue
		case chat.Native:
			shut()
			if err := e.native(path, x); err != nil {
				return err
			}
			continue
		}
		if !open {
			e.element()
			e.str("type", "message")
			e.str("role", string(m.Role))
			e.array("content")
			open = true
		}
		if err := e.part(path, p, true); err != nil {
			return err
		}
	}
	shut()
	return nil
}

// native writes an item that only the dialect knows.
func (e *encoder) native(path string, x chat.Native) error {
	if x.Dialect != own {
		return e.losses.Refuse(path+".native", fmt.Sprintf("has no block %q of %s", clip(x.Type), x.Dialect))
	}
	e.next()
	e.value(string(x.Value))
	return nil
}

// result writes what a tool gave back. That it is an error its text says.
func (e *encoder) result(path string, p *chat.Part, x chat.ToolResult) error {
	e.element()
	e.str("type", map[bool]string{false: "function_call_output", true: "custom_tool_call_output"}[x.Custom])
	e.str("call_id", callID(x.CallID))
	parts := x.Parts
	if x.Error {
		e.losses.Approximate("messages[].parts[].error")
		parts = errorParts(parts)
	}
	if text, one := single(parts); one {
		e.str("output", text)
	} else {
		e.array("output")
		for k := range parts {
			if parts[k].Cache != nil {
				e.losses.Drop("messages[].parts[].parts[].cache")
			}
			if err := e.part(fmt.Sprintf("%s.parts[%d]", path, k), &parts[k], x.Custom); err != nil {
				return err
			}
		}
		e.close(']')
	}
	e.own(e.losses.Own("messages[].parts[]", p.Extra))
	e.close('}')
	return nil
}

// errorParts says before all else that a result is an error.
func errorParts(parts []chat.Part) []chat.Part {
	if len(parts) > 0 {
		if t, ok := parts[0].Content.(chat.Text); ok {
			first := parts[0]
			t.Text = "Error: " + t.Text
			first.Content = t
			return append([]chat.Part{first}, parts[1:]...)
		}
	}
	return append([]chat.Part{chat.Say("Error")}, parts...)
}

// single gives the text of parts that are one text or value, or none.
func single(parts []chat.Part) (string, bool) {
	if len(parts) == 0 {
		return "", true
	}
	if len(parts) > 1 || len(parts[0].Extra) > 0 {
		return "", false
	}
	switch x := parts[0].Content.(type) {
	case chat.Text:
		return x.Text, true
	case chat.JSON:
		return string(x.Value), true
	}
	return "", false
}

// part writes what the caller's side says: text, an image, a document. Of an
// image in a message, or in a custom tool's result, the schema demands its detail.
func (e *encoder) part(path string, p *chat.Part, detail bool) error {
	switch x := p.Content.(type) {
	case chat.Text:
		e.element()
		e.str("type", "input_text")
		e.str("text", x.Text)
	case chat.JSON:
		e.element()
		e.str("type", "input_text")
		e.str("text", string(x.Value))
	case chat.Refusal:
		e.losses.Approximate("messages[].parts[]")
		e.element()
		e.str("type", "input_text")
		e.str("text", x.Text)
	case chat.Media:
		wrote, err := e.media(path, &x, detail)
		if err != nil || !wrote {
			return err
		}
	case chat.Native:
		return e.native(path, x)
	default:
		return fault.New(fault.Unsupported, "%s is a %s, which has no place there.", path, p.Content.Kind()).At(path).Final()
	}
	e.own(e.losses.Own("messages[].parts[]", p.Extra))
	e.close('}')
	return nil
}

// media writes an image or a document, all but its end. False: it is left out,
// as the workload allows.
func (e *encoder) media(path string, m *chat.Media, detail bool) (bool, error) {
	switch m.Medium {
	case chat.Image, chat.Document:
	default:
		return false, e.losses.Refuse(path+".medium", fmt.Sprintf("has no place for %s in a conversation", m.Medium))
	}
	if m.URL != "" && !strings.HasPrefix(m.URL, "https://") && !strings.HasPrefix(m.URL, "http://") {
		return false, e.losses.Refuse(path+".url", "fetches http and https alone")
	}
	if m.Context != "" {
		e.losses.Drop("messages[].parts[].context")
	}
	if m.Cite {
		e.losses.Drop("messages[].parts[].cite")
	}
	typ := m.Type
	if m.Data != "" && typ == "" {
		if typ = sniff(m.Data); typ == "" {
			return false, e.losses.Refuse(path+".media_type", "needs a media type")
		}
	}
	if m.Medium == chat.Image {
		e.element()
		e.str("type", "input_image")
		e.opt("file_id", m.FileID)
		e.opt("image_url", dataURLOf(typ, m.Data, m.URL))
		if m.Detail != "" {
			e.str("detail", m.Detail)
		} else if detail {
			e.str("detail", "auto")
		}
		return true, nil
	}
	return e.document(path, m, typ)
}

// document writes a document. The vendor tells what inline bytes are by their
// file name too, so they always have one.
func (e *encoder) document(path string, m *chat.Media, typ string) (bool, error) {
	data, name := m.Data, m.Name
	switch {
	case m.Text != "":
		typ, data = "text/plain", base64.StdEncoding.EncodeToString([]byte(m.Text))
	case len(m.Parts) > 0:
		text, only := chat.Plain(m.Parts)
		if !only {
			return false, e.losses.Refuse(path+".parts", "has no documents made of parts")
		}
		e.losses.Approximate("messages[].parts[].parts")
		typ, data = "text/plain", base64.StdEncoding.EncodeToString([]byte(text))
	}
	if data != "" && name == "" {
		name = "document.pdf"
		if strings.HasPrefix(typ, "text/") {
			name = "document.txt"
		}
	}
	e.element()
	e.str("type", "input_file")
	e.opt("file_id", m.FileID)
	e.opt("filename", name)
	e.opt("file_data", dataURLOf(typ, data, ""))
	e.opt("file_url", m.URL)
	e.opt("detail", m.Detail)
	return true, nil
}

// dataURLOf gives inline bytes as a data URL, or else the address.
func dataURLOf(typ, data, url string) string {
	if data == "" {
		return url
	}
	return "data:" + typ + ";base64," + data
}

// turn writes the items of an assistant's turn.
func (e *encoder) turn(i int, parts []chat.Part) error {
	for j := 0; j < len(parts); {
		p := &parts[j]
		path := fmt.Sprintf("messages[%d].parts[%d]", i, j)
		if p.Cache != nil {
			e.losses.Drop("messages[].parts[].cache")
		}
		n := 1
		switch x := p.Content.(type) {
		case chat.Text, chat.Refusal:
			n = run(parts[j:], saysText)
			e.message(parts[j : j+n])
		case chat.Reasoning:
			n = reasoningRun(parts[j:])
			e.reasoning(parts[j : j+n])
		case chat.ToolCall:
			e.state(p)
			e.element()
			e.opt("id", vendorID(p.Item))
			e.call(x, callID(x.ID))
			e.own(e.losses.Own("messages[].parts[]", p.Extra))
			e.close('}')
		case chat.Native:
			if err := e.native(path, x); err != nil {
				return err
			}
		default:
			// What an assistant showed, it cannot be given back here.
			if err := e.losses.Refuse(path, fmt.Sprintf("has no place for %s in the assistant's turn", p.Content.Kind())); err != nil {
				return err
			}
		}
		j += n
	}
	return nil
}

func saysText(p *chat.Part) bool {
	switch p.Content.(type) {
	case chat.Text, chat.Refusal:
		return true
	}
	return false
}

// run counts the parts from the first that are one item.
func run(parts []chat.Part, is func(*chat.Part) bool) int {
	n := 1
	for n < len(parts) && is(&parts[n]) && parts[n].Item == parts[0].Item {
		n++
	}
	return n
}

// reasoningRun counts the parts of one reasoning item: those that share its
// id; without one, up to the first that bears state.
func reasoningRun(parts []chat.Part) int {
	n := run(parts, func(p *chat.Part) bool { _, is := p.Content.(chat.Reasoning); return is })
	if parts[0].Item == "" {
		if at := slices.IndexFunc(parts[:n], func(p chat.Part) bool { return p.State != nil }); at >= 0 {
			n = at + 1
		}
	}
	return n
}

// state names state that has no place: a signature on something other than
// reasoning.
func (e *encoder) state(p *chat.Part) {
	if p.State != nil {
		e.losses.Drop("messages[].parts[].state")
	}
}

// message writes what the assistant said in one item.
func (e *encoder) message(parts []chat.Part) {
	e.element()
	e.opt("id", vendorID(parts[0].Item))
	e.str("type", "message")
	if vendorID(parts[0].Item) != "" {
		e.str("status", "completed")
	}
	e.str("role", "assistant")
	e.array("content")
	for k := range parts {
		e.state(&parts[k])
		e.output(&parts[k], e.losses, "messages[].parts[]")
		if k > 0 {
			e.losses.Own("messages[].parts[]", parts[k].Extra)
		}
	}
	e.close(']')
	e.own(e.losses.Own("messages[].parts[]", parts[0].Extra))
	e.close('}')
}

// reasoning writes a reasoning item. Without state that the vendor minted it
// would be refused, so it is left out and named.
func (e *encoder) reasoning(parts []chat.Part) {
	s := stateOf(parts)
	if s == nil || s.Kind != chat.Encrypted || s.Minter != e.to.Family && (s.Minter != "" || !e.to.UnknownOK) {
		if s != nil {
			e.losses.Drop("messages[].parts[].state")
		}
		if thought(parts) {
			e.losses.Drop("messages[].parts[].text")
		}
		return
	}
	e.element()
	e.opt("id", vendorID(parts[0].Item))
	e.str("type", "reasoning")
	e.thoughts(parts)
	e.str("encrypted_content", s.Blob)
	e.own(e.losses.Own("messages[].parts[]", parts[0].Extra))
	e.close('}')
}
