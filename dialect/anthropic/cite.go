package anthropic

import (
	"bulkhead/chat"
	"bulkhead/wire"
)

// places are the kinds of citation that point into a document, with the names
// of where it begins and ends.
var places = map[string]struct {
	kind       chat.CitationKind
	start, end string
}{
	"char_location":          {chat.CiteChars, "start_char_index", "end_char_index"},
	"page_location":          {chat.CitePages, "start_page_number", "end_page_number"},
	"content_block_location": {chat.CiteBlocks, "start_block_index", "end_block_index"},
}

// citation reads a citation, nil if it is no object. It is kept whole too, so
// that it goes home as it came; but not one that points at no search of the
// vendor's: what other vendors cite is shown so, and would be refused.
func citation(s *wire.Scanner) *chat.Citation {
	if s.Next() != wire.Object {
		s.Skip()
		return nil
	}
	c := &chat.Citation{Kind: chat.CiteOther}
	var typ, encrypted string
	var from, to int64
	at := s.Pos()
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch string(name) {
		case "type":
			typ = text(s)
		case "cited_text":
			c.Quote = text(s)
		case "document_title", "title":
			c.Title = text(s)
		case "url":
			c.URL = text(s)
		case "document_index":
			c.Source = int(integerOf(s))
		case "file_id":
			c.File = text(s)
		case "start_char_index", "start_page_number", "start_block_index":
			from = integerOf(s)
		case "end_char_index", "end_page_number", "end_block_index":
			to = integerOf(s)
		case "encrypted_index":
			encrypted = text(s)
		default:
			s.Skip()
		}
	}
	if s.Failed() {
		return nil
	}
	if place, ok := places[typ]; ok {
		c.Kind, c.Place = place.kind, &chat.Range{Start: from, End: to}
	}
	if typ == "web_search_result_location" {
		c.Kind = chat.CiteURL
		if encrypted == "" {
			return c
		}
	}
	raw := s.Slice(wire.Span{Start: at, End: s.Pos()})
	if !s.Lenient || chat.Raw(raw).IsValid() {
		whole := own(typ, raw)
		c.Native = &whole
	}
	return c
}

// integerOf reads a whole number; anything else is zero.
func integerOf(s *wire.Scanner) int64 {
	n, _ := numberOf(s).Int()
	return n
}

// home reports whether a citation goes home as it came.
func home(c *chat.Citation) bool { return c.Native != nil && c.Native.Dialect == name }

// cite writes a citation as a reply shows it.
func (w *writer) cite(c *chat.Citation) {
	if home(c) {
		w.raw(c.Native.Value)
		return
	}
	for typ, place := range places {
		if place.kind != c.Kind || c.Place == nil {
			continue
		}
		w.open('{')
		w.name("type")
		w.text(typ)
		w.name("cited_text")
		w.text(c.Quote)
		w.name("document_index")
		w.int(int64(c.Source))
		w.name("document_title")
		w.orNull(c.Title)
		w.name(place.start)
		w.int(c.Place.Start)
		w.name(place.end)
		w.int(c.Place.End)
		w.close('}')
		return
	}
	w.open('{')
	w.name("type")
	w.text("web_search_result_location")
	w.name("cited_text")
	w.text(c.Quote)
	w.name("encrypted_index")
	w.text("")
	w.name("title")
	w.orNull(c.Title)
	w.name("url")
	w.text(c.URL)
	w.close('}')
}

// orNull writes a string, or null for none.
func (w *writer) orNull(s string) {
	if s == "" {
		w.raw([]byte("null"))
		return
	}
	w.text(s)
}
