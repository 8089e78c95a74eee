package anthropic

import (
	"fmt"
	"strconv"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// messages reads the conversation.
func (d *unpacker) messages(s *wire.Scanner) {
	s.Array()
	for i := 0; s.Element(); i++ {
		field := "messages[" + strconv.Itoa(i) + "]"
		m := chat.Message{}
		d.members(s, field, func(name []byte) {
			switch string(name) {
			case "role":
				m.Role = chat.Role(text(s))
			case "content":
				m.Parts = d.parts(s, field+".content")
			default:
				keep(s, &m.Extra, string(name))
			}
		})
		switch m.Role {
		case chat.User, chat.Assistant, chat.System:
		default:
			d.malformed(field+".role", "is not one of user, assistant and system")
		}
		d.req.Messages = append(d.req.Messages, m)
	}
}

// parts reads a string or a list of blocks.
func (d *unpacker) parts(s *wire.Scanner, field string) []chat.Part {
	switch kind := s.Next(); kind {
	case wire.String:
		return []chat.Part{chat.Say(text(s))}
	case wire.Array:
		var out []chat.Part
		var b block
		s.Array()
		for i := 0; s.Element(); i++ {
			at := spot{field, i}
			if kind := s.Next(); kind != wire.Object {
				s.Skip()
				d.malformed(at.in(""), "is %s; it must be an object with a type", kind)
				continue
			}
			b = block{}
			b.read(s)
			out = append(out, d.part(&b, at))
		}
		return out
	default:
		if s.Skip(); !s.Failed() {
			d.malformed(field, "is %s; it must be a string or a list of blocks", kind)
		}
		return nil
	}
}

// spot is an element of a list. Its path is written only where it is needed.
type spot struct {
	list string
	i    int
}

// in is the path of what lies in the element.
func (p spot) in(member string) string { return p.list + "[" + strconv.Itoa(p.i) + "]" + member }

// block is a block as it lies on the wire: the members of all types.
type block struct {
	typ, text, thinking, signature, data string
	id, name, toolUse, title, context    string
	content, input                       []byte // as written, read when the type is known
	source                               *source
	citations                            []chat.Citation
	cite, failed                         bool
	cache                                *chat.CacheMark
	extra                                chat.Extra
	whole                                []byte
	misfit                               string // a member that is not of its kind
	kind                                 wire.Kind
}

// source says where an image or document is.
type source struct {
	typ, mediaType, data, url, file string
	content                         []byte
}

// read reads a block. A member of the wrong kind is noted; whether that is a
// fault depends on the type, which may come last.
func (b *block) read(s *wire.Scanner) {
	s.Next()
	at := s.Pos()
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		if kind == wire.Null {
			s.Skip()
			continue
		}
		b.member(s, name, kind)
	}
	if !s.Failed() {
		b.whole = s.Slice(wire.Span{Start: at, End: s.Pos()})
	}
}

// member reads one member of a block.
func (b *block) member(s *wire.Scanner, name []byte, kind wire.Kind) {
	into := (*string)(nil)
	switch string(name) {
	case "type":
		into = &b.typ
	case "text":
		into = &b.text
	case "thinking":
		into = &b.thinking
	case "signature":
		into = &b.signature
	case "data":
		into = &b.data
	case "id":
		into = &b.id
	case "name":
		into = &b.name
	case "tool_use_id":
		into = &b.toolUse
	case "title":
		into = &b.title
	case "context":
		into = &b.context
	case "content":
		b.content = s.Slice(s.Skip())
		return
	case "input":
		b.fits(kind, wire.Object, "input")
		b.input = s.Slice(s.Skip())
		return
	case "source":
		b.fits(kind, wire.Object, "source")
		if kind == wire.Object {
			b.source = b.readSource(s)
		} else {
			s.Skip()
		}
		return
	case "citations":
		b.readCitations(s, kind)
		return
	case "is_error":
		v := booleanOf(s)
		b.failed = v != nil && *v
		return
	case "cache_control":
		b.cache = cacheMark(s, &b.extra)
		return
	default:
		keep(s, &b.extra, string(name))
		return
	}
	if kind != wire.String {
		b.fits(kind, wire.String, string(name))
	}
	*into = text(s)
}

// fits notes a member that is not of its kind, the first of them.
func (b *block) fits(kind, want wire.Kind, member string) {
	if kind != want && b.misfit == "" {
		b.misfit, b.kind = member, kind
	}
}

func (b *block) readSource(s *wire.Scanner) *source {
	src := &source{}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch string(name) {
		case "type":
			src.typ = text(s)
		case "media_type":
			src.mediaType = text(s)
		case "data":
			src.data = text(s)
		case "url":
			src.url = text(s)
		case "file_id":
			src.file = text(s)
		case "content":
			src.content = s.Slice(s.Skip())
		default:
			keep(s, &b.extra, "source."+string(name))
		}
	}
	return src
}

// readCitations reads the citations of a text, or whether a document is to be cited.
func (b *block) readCitations(s *wire.Scanner, kind wire.Kind) {
	switch kind {
	case wire.Array:
		s.Array()
		for s.Element() {
			if c := citation(s); c != nil {
				b.citations = append(b.citations, *c)
			}
		}
	case wire.Object:
		s.Object()
		for name := s.Name(); name != nil; name = s.Name() {
			if string(name) == "enabled" {
				v := booleanOf(s)
				b.cite = v != nil && *v
			} else {
				keep(s, &b.extra, "citations."+string(name))
			}
		}
	default:
		s.Skip()
	}
}

// part gives a block as the hub has it. A block that no other dialect knows is
// kept whole.
func (d *unpacker) part(b *block, at spot) chat.Part {
	p := chat.Part{Cache: b.cache, Extra: b.extra}
	switch b.typ {
	case "text":
		p.Content = chat.Text{Text: b.text, Citations: b.citations}
	case "image", "document":
		p.Content = d.media(b, at)
	case "thinking":
		p.Content, p.State = chat.Reasoning{Text: b.thinking}, signed(b.signature)
		unseal(&p)
	case "redacted_thinking":
		p.Content = chat.Reasoning{}
		if b.data != "" {
			p.State = &chat.State{Kind: chat.Redacted, Blob: b.data}
		}
	case "tool_use":
		p.Content = chat.ToolCall{ID: b.id, Name: b.name, Arguments: compact(b.input)}
		if b.id == "" || b.name == "" {
			d.malformed(at.in(""), "is a call without id or name")
		}
	case "tool_result":
		r := chat.ToolResult{CallID: b.toolUse, Error: b.failed}
		if b.content != nil {
			d.later(b.content, func(s *wire.Scanner) { r.Parts = d.parts(s, at.in(".content")) })
		}
		p.Content = r
		if b.toolUse == "" {
			d.malformed(at.in(".tool_use_id"), "names no call")
		}
	case "":
		d.malformed(at.in(".type"), "says no type; name one, such as \"text\"")
	default:
		if !knownBlocks[b.typ] && d.fault == nil {
			d.fault = fault.New(fault.Unsupported, "%s is of the type %q, which Bulkhead does not know and so does not pass on.", at.in(""), clip(b.typ)).At(at.in(".type"))
		}
		return chat.Part{Content: chat.Native{Dialect: name, Type: b.typ, Value: append(chat.Raw(nil), b.whole...)}}
	}
	if b.misfit != "" {
		d.malformed(at.in("."+b.misfit), "is %s, which does not go with its type", b.kind)
	}
	return p
}

// compact gives input as the text of arguments: names, numbers and strings as
// they were written, without the white space between them.
func compact(input []byte) string {
	if len(input) == 0 {
		return "{}"
	}
	v := append(chat.Raw(nil), input...)
	if v.Compact() != nil {
		return string(input)
	}
	return string(v)
}

// media reads an image or a document.
func (d *unpacker) media(b *block, at spot) chat.Media {
	m := chat.Media{Medium: chat.Medium(b.typ), Name: b.title, Context: b.context, Cite: b.cite}
	src := b.source
	if src == nil {
		d.malformed(at.in(".source"), "says not where it is")
		return m
	}
	m.Type = strings.ToLower(src.mediaType)
	missing := ""
	switch src.typ {
	case "base64":
		if m.Data = src.data; m.Data == "" {
			missing = "data"
		}
	case "text":
		if m.Text = src.data; m.Text == "" {
			missing = "data"
		}
	case "url":
		if m.URL = src.url; m.URL == "" {
			missing = "url"
		}
	case "file":
		if m.FileID = src.file; m.FileID == "" {
			missing = "file_id"
		}
	case "content":
		if src.content == nil {
			missing = "content"
		} else {
			d.later(src.content, func(s *wire.Scanner) { m.Parts = d.parts(s, at.in(".source.content")) })
		}
	default:
		if d.fault == nil {
			d.fault = fault.New(fault.Unsupported, "%s is of the type %q, which Bulkhead does not know and so does not pass on.", at.in(".source"), clip(src.typ)).At(at.in(".source.type"))
		}
	}
	if missing != "" {
		d.malformed(at.in(".source."+missing), "is missing or empty")
	}
	return m
}

// signed is the state of a signature.
func signed(signature string) *chat.State {
	if signature == "" {
		return nil
	}
	return &chat.State{Kind: chat.SignedText, Blob: signature}
}

// wrapped begins a signature in which Bulkhead carries state that this dialect
// has no place for: bulkhead.KIND.ITEM.BLOB, with the item in hexadecimal. The
// blob is as its minter wrote it.
const wrapped = "bulkhead."

// seal puts foreign state of reasoning into a signature.
func seal(p *chat.Part) string {
	summary := ""
	if r, ok := p.Content.(chat.Reasoning); ok && r.Summary {
		summary = "+summary"
	}
	return fmt.Sprintf("%s%s%s.%x.%s", wrapped, p.State.Kind, summary, p.Item, p.State.Blob)
}

// unseal takes foreign state out of a signature again.
func unseal(p *chat.Part) {
	if p.State == nil || !strings.HasPrefix(p.State.Blob, wrapped) {
		return
	}
	kind, rest, ok := strings.Cut(p.State.Blob[len(wrapped):], ".")
	item, blob, ok2 := strings.Cut(rest, ".")
	kind, summary := strings.CutSuffix(kind, "+summary")
	var id []byte
	_, err := fmt.Sscanf(item, "%x", &id)
	if !ok || !ok2 || blob == "" || chat.StateKind(kind) != chat.Encrypted || item != "" && err != nil {
		return
	}
	p.Item = string(id)
	p.State = &chat.State{Kind: chat.Encrypted, Blob: blob}
	r := p.Content.(chat.Reasoning)
	r.Summary = summary
	p.Content = r
}
