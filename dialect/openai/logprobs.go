package openai

import (
	"bytes"
	"strconv"

	"bulkhead/chat"
	"bulkhead/wire"
)

// readLogprobs reads {"content": […], "refusal": […]}, the value next, and
// appends to either list. null is none.
func readLogprobs(s *wire.Scanner, content, refusal []chat.Logprob) (c, r []chat.Logprob) {
	c, r = content, refusal
	if s.Next() != wire.Object {
		s.Skip()
		return c, r
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch {
		case s.Next() != wire.Array:
			s.Skip()
		case string(name) == "content":
			c = tokenList(s, c)
		case string(name) == "refusal":
			r = tokenList(s, r)
		default:
			s.Skip()
		}
	}
	return c, r
}

func tokenList(s *wire.Scanner, out []chat.Logprob) []chat.Logprob {
	s.Array()
	for s.Element() {
		if s.Next() != wire.Object {
			s.Skip()
			continue
		}
		out = append(out, token(s))
	}
	return out
}

func token(s *wire.Scanner) chat.Logprob {
	var p chat.Logprob
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch kind := s.Next(); {
		case kind == wire.String && string(name) == "token":
			p.Token = textOf(s)
		case kind == wire.Number && string(name) == "logprob":
			p.Logprob = chat.Number(s.Slice(s.Skip()))
		case kind == wire.Array && string(name) == "bytes":
			s.Array()
			for s.Element() {
				if n, err := strconv.Atoi(string(bytes.TrimSpace(s.Slice(s.Skip())))); err == nil {
					p.Bytes = append(p.Bytes, n)
				}
			}
		case kind == wire.Array && string(name) == "top_logprobs":
			p.Top = tokenList(s, nil)
		default:
			s.Skip()
		}
	}
	if p.Logprob == "" {
		p.Logprob = "0"
	}
	return p
}

// textOf reads the string next.
func textOf(s *wire.Scanner) string {
	span, escaped, _ := s.Text()
	raw := s.Slice(span)
	if !escaped {
		return string(raw)
	}
	return string(unescape(nil, raw))
}

// unescape undoes the escapes of a string that was read leniently: halves of
// surrogate pairs, of which nothing can be made, are replaced.
func unescape(dst, raw []byte) []byte {
	for {
		i := bytes.Index(raw, []byte(`\u`))
		for i >= 0 && (!surrogate(raw[i:]) || escapedAt(raw, i)) {
			next := bytes.Index(raw[i+2:], []byte(`\u`))
			if next < 0 {
				i = -1
				break
			}
			i += 2 + next
		}
		if i < 0 {
			return wire.Unescape(dst, raw)
		}
		dst = wire.Unescape(dst, raw[:i])
		if high(raw[i:]) && len(raw) >= i+12 && raw[i+6] == '\\' && raw[i+7] == 'u' && surrogate(raw[i+6:]) && !high(raw[i+6:]) {
			dst = wire.Unescape(dst, raw[i:i+12])
			raw = raw[i+12:]
			continue
		}
		dst = append(dst, "\uFFFD"...)
		raw = raw[i+6:]
	}
}

// surrogate reports whether b begins with the escape of a surrogate, and high
// whether of the first of a pair.
func surrogate(b []byte) bool {
	return len(b) >= 6 && b[2]|0x20 == 'd' && (b[3] >= '8' && b[3] <= '9' || b[3]|0x20 >= 'a' && b[3]|0x20 <= 'f')
}

func high(b []byte) bool { return surrogate(b) && (b[3] <= '9' || b[3]|0x20 <= 'b') }

// escapedAt reports whether the backslash at i is itself escaped.
func escapedAt(raw []byte, i int) bool {
	n := 0
	for i-n-1 >= 0 && raw[i-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

// logprobs writes the object, null for none.
func (w *writer) logprobs(content, refusal []chat.Logprob) {
	if content == nil && refusal == nil {
		w.null("logprobs")
		return
	}
	w.object("logprobs")
	w.tokens("content", content)
	w.tokens("refusal", refusal)
	w.close('}')
}

func (w *writer) tokens(name string, list []chat.Logprob) {
	if list == nil {
		w.null(name)
		return
	}
	w.array(name)
	for _, p := range list {
		w.open('{')
		w.token(p)
		w.array("top_logprobs")
		for _, top := range p.Top {
			w.open('{')
			w.token(top)
			w.close('}')
		}
		w.close(']')
		w.close('}')
	}
	w.close(']')
}

func (w *writer) token(p chat.Logprob) {
	w.str("token", p.Token)
	w.number("logprob", p.Logprob)
	if p.Bytes == nil {
		w.null("bytes")
		return
	}
	w.array("bytes")
	for _, b := range p.Bytes {
		w.sep()
		w.b = strconv.AppendInt(w.b, int64(b), 10)
	}
	w.close(']')
}
