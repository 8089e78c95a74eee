package bedrock

import (
	"strings"

	"bulkhead/chat"
	"bulkhead/wire"
)

// block reads a content block, whose kind is the one member it has.
func (d *decoder) block(which string, kind wire.Kind) (chat.Part, bool) {
	switch which {
	case "text":
		return chat.Say(d.str(kind)), true
	case "image":
		return d.media(chat.Image), true
	case "document":
		return d.media(chat.Document), true
	case "video":
		return d.media(chat.Video), true
	case "audio":
		return d.media(chat.Audio), true
	case "toolUse":
		return d.toolUse(), true
	case "toolResult":
		return d.toolResult(), true
	case "reasoningContent":
		return d.reasoning(kind)
	case "citationsContent":
		return d.cited(), true
	case "guardContent", "searchResult", "toolAddition", "toolRemoval":
		return d.native(which), true
	}
	d.kind(which, "content block")
	return chat.Part{}, false
}

// mediaTypes are Bedrock's words for formats, by medium, and the media types
// they stand for. Of several words for one type the first is written.
var mediaTypes = map[chat.Medium][]struct{ format, mediaType string }{
	chat.Image: {{"png", "image/png"}, {"jpeg", "image/jpeg"}, {"gif", "image/gif"}, {"webp", "image/webp"}},
	chat.Document: {{"pdf", "application/pdf"}, {"csv", "text/csv"}, {"doc", "application/msword"},
		{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}, {"xls", "application/vnd.ms-excel"},
		{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}, {"html", "text/html"}, {"txt", "text/plain"}, {"md", "text/markdown"}},
	chat.Video: {{"mp4", "video/mp4"}, {"mkv", "video/x-matroska"}, {"mov", "video/quicktime"}, {"webm", "video/webm"}, {"flv", "video/x-flv"},
		{"mpeg", "video/mpeg"}, {"mpg", "video/mpg"}, {"wmv", "video/x-ms-wmv"}, {"three_gp", "video/3gpp"}},
	chat.Audio: {{"mp3", "audio/mp3"}, {"mpeg", "audio/mpeg"}, {"wav", "audio/wav"}, {"opus", "audio/opus"}, {"aac", "audio/aac"}, {"flac", "audio/flac"},
		{"mp4", "audio/mp4"}, {"ogg", "audio/ogg"}, {"mkv", "audio/x-matroska"}, {"mka", "audio/mka"}, {"x-aac", "audio/x-aac"}, {"m4a", "audio/m4a"},
		{"mpga", "audio/mpga"}, {"pcm", "audio/pcm"}, {"webm", "audio/webm"}},
}

// mediaTypeOf is the media type of a format; one that is not known keeps its word.
func mediaTypeOf(m chat.Medium, format string) string {
	for _, t := range mediaTypes[m] {
		if t.format == format {
			return t.mediaType
		}
	}
	if m == chat.Document {
		return "application/" + strings.ToLower(format)
	}
	return string(m) + "/" + strings.ToLower(format)
}

func (d *decoder) media(medium chat.Medium) chat.Part {
	m := chat.Media{Medium: medium}
	var p chat.Part
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "format":
			if format := d.str(kind); format != "" {
				m.Type = mediaTypeOf(medium, format)
			}
		case "name":
			m.Name = d.str(kind)
		case "context":
			m.Context = d.str(kind)
		case "citations":
			d.object(func(member []byte, kind wire.Kind) {
				if string(member) == "enabled" {
					m.Cite = d.truth(kind)
					return
				}
				d.s.Skip()
			})
		case "source":
			d.source(kind, &m, &p.Extra)
		default:
			d.own(&p.Extra, string(member))
		}
	})
	p.Content = m
	return p
}

func (d *decoder) source(kind wire.Kind, m *chat.Media, x *chat.Extra) {
	d.choose(kind, func(which string, kind wire.Kind) {
		switch which {
		case "bytes":
			m.Data = d.str(kind)
		case "text":
			m.Text = d.str(kind)
		case "content":
			d.each(kind, func(_ int, kind wire.Kind) {
				d.choose(kind, func(which string, kind wire.Kind) {
					if which != "text" {
						d.kind(which, "document content")
						return
					}
					m.Parts = append(m.Parts, chat.Say(d.str(kind)))
				})
			})
		case "s3Location":
			d.object(func(member []byte, kind wire.Kind) {
				if string(member) == "uri" {
					m.URL = d.str(kind)
					return
				}
				d.own(x, "source.s3Location."+string(member))
			})
		default:
			d.kind(which, "source")
		}
	})
}

// toolUse reads a call. One of a tool that the model's maker runs is Bedrock's own.
func (d *decoder) toolUse() chat.Part {
	at := d.s.Pos()
	var c chat.ToolCall
	var p chat.Part
	hosted := false
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "toolUseId":
			c.ID = d.str(kind)
		case "name":
			c.Name = d.str(kind)
		case "input":
			c.Arguments = string(d.raw())
		case "type":
			hosted = d.str(kind) == "server_tool_use" // a plain call was seen to say tool_use
		default:
			d.own(&p.Extra, string(member))
		}
	})
	if hosted {
		return d.whole("toolUse", at)
	}
	p.Content = c
	return p
}

// whole is the value that was read from at on, as a block of Bedrock's own.
func (d *decoder) whole(which string, at int) chat.Part {
	raw := strings.TrimSpace(string(d.s.Slice(wire.Span{Start: at, End: d.s.Pos()})))
	return chat.Part{Content: chat.Native{Dialect: name, Type: which, Value: chat.Raw(raw)}}
}

func (d *decoder) toolResult() chat.Part {
	at := d.s.Pos()
	var r chat.ToolResult
	var p chat.Part
	hosted := false
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "toolUseId":
			r.CallID = d.str(kind)
		case "status":
			r.Error = d.str(kind) == "error"
		case "type":
			word := d.str(kind)
			hosted = word != "" && word != "tool_result"
		case "content":
			d.each(kind, func(_ int, kind wire.Kind) {
				d.choose(kind, func(which string, kind wire.Kind) {
					if which == "json" {
						r.Parts = append(r.Parts, chat.Part{Content: chat.JSON{Value: d.raw()}})
						return
					}
					if part, ok := d.block(which, kind); ok {
						r.Parts = append(r.Parts, part)
					}
				})
			})
		default:
			d.own(&p.Extra, string(member))
		}
	})
	if hosted {
		return d.whole("toolResult", at)
	}
	p.Content = r
	return p
}

func (d *decoder) reasoning(kind wire.Kind) (chat.Part, bool) {
	var r chat.Reasoning
	var p chat.Part
	known := false
	d.choose(kind, func(which string, kind wire.Kind) {
		switch which {
		case "redactedContent":
			known = true
			p.State = d.state(chat.Redacted, d.str(kind))
		case "reasoningText":
			known = true
			d.object(func(member []byte, kind wire.Kind) {
				switch string(member) {
				case "text":
					r.Text = d.str(kind)
				case "signature":
					p.State = d.state(chat.SignedText, d.str(kind))
				default:
					d.own(&p.Extra, string(member))
				}
			})
		default:
			d.kind(which, "reasoning")
		}
	})
	p.Content = r
	return p, known
}

// state is opaque state; an empty blob is none.
func (d *decoder) state(kind chat.StateKind, blob string) *chat.State {
	if blob == "" {
		return nil
	}
	return &chat.State{Kind: kind, Blob: blob, Minter: d.family}
}

// cited reads text with its sources. Its pieces are one text.
func (d *decoder) cited() chat.Part {
	var t chat.Text
	var p chat.Part
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "content":
			d.each(kind, func(_ int, kind wire.Kind) {
				d.choose(kind, func(which string, kind wire.Kind) {
					if which != "text" {
						d.kind(which, "cited text")
						return
					}
					t.Text += d.str(kind)
				})
			})
		case "citations":
			d.each(kind, func(_ int, kind wire.Kind) { t.Citations = append(t.Citations, d.citation()) })
		default:
			d.own(&p.Extra, string(member))
		}
	})
	p.Content = t
	return p
}

// citation reads a source; the whole of it is kept beside what others can say.
func (d *decoder) citation() chat.Citation {
	at := d.s.Pos()
	c := chat.Citation{Kind: chat.CiteOther}
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "title":
			c.Title = d.str(kind)
		case "source":
			if source := d.str(kind); strings.HasPrefix(source, "http") && c.URL == "" {
				c.URL = source
			}
		case "sourceContent":
			d.each(kind, func(_ int, kind wire.Kind) {
				d.choose(kind, func(which string, kind wire.Kind) {
					if which == "text" {
						c.Quote += d.str(kind)
						return
					}
					d.s.Skip()
				})
			})
		case "location":
			d.choose(kind, func(which string, kind wire.Kind) { d.location(which, &c) })
		default:
			d.s.Skip()
		}
	})
	raw := strings.TrimSpace(string(d.s.Slice(wire.Span{Start: at, End: d.s.Pos()})))
	c.Native = &chat.Field{Dialect: name, Name: "citation", Value: chat.Raw(raw)}
	return c
}

// places are the kinds of location within a document, and of which kind of
// citation they are.
var places = map[string]chat.CitationKind{"documentChar": chat.CiteChars, "documentPage": chat.CitePages, "documentChunk": chat.CiteBlocks}

func (d *decoder) location(which string, c *chat.Citation) {
	kind, known := places[which]
	switch {
	case which == "web":
		c.Kind = chat.CiteURL
	case known:
		c.Kind, c.Place = kind, &chat.Range{}
	default:
		d.s.Skip()
		return
	}
	d.object(func(member []byte, kind wire.Kind) {
		switch {
		case string(member) == "url" && which == "web":
			c.URL = d.str(kind)
		case string(member) == "documentIndex" && known:
			n, _ := d.number(kind).Int()
			c.Source = int(n)
		case string(member) == "start" && known:
			c.Place.Start, _ = d.number(kind).Int()
		case string(member) == "end" && known:
			c.Place.End, _ = d.number(kind).Int()
		default:
			d.s.Skip()
		}
	})
}
