package openai

import (
	"bytes"
	"strconv"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Done is the data of the event that ends a stream.
const Done = "[DONE]"

// Reply is what a unary reply, or one chunk of a stream, says about itself.
type Reply struct {
	Usage   call.Usage // Known only if the reply holds a usage object
	Finish  string     // the first choice's finish reason that is not null
	Choices bool       // there is a list of choices, or of embeddings, that is not empty
	Content bool       // text, reasoning, a tool call, a refusal, media or a finish
	Text    int        // bytes of text in it, escapes included, for an estimate
	Error   bool       // it is an error object of the vendor's
	Signed  []string   // signatures beside calls, as they were written
}

// ReadReply reads a unary reply's body or the data of one chunk. The error is
// a *wire.SyntaxError for what is no JSON object.
func ReadReply(s *wire.Scanner, data []byte) (Reply, error) {
	s.Reset(data)
	s.Lenient = true // the bytes go on as they came, whatever a strict reader would say
	var r Reply
	if s.Object() {
		for name := s.Name(); name != nil; name = s.Name() {
			kind := s.Next()
			switch {
			case kind == wire.Array && string(name) == "choices":
				r.choices(s)
			case kind == wire.Array && string(name) == "data":
				r.vectors(s)
			case kind == wire.Object && string(name) == "usage":
				r.usage(s)
			case string(name) == "error" && kind != wire.Null:
				r.Error = true
				s.Skip()
			default:
				s.Skip()
			}
		}
	}
	return r, s.End()
}

// vectors notes that an embeddings reply holds any.
func (r *Reply) vectors(s *wire.Scanner) {
	s.Array()
	for s.Element() {
		r.Choices, r.Content = true, true
		s.Skip()
	}
}

func (r *Reply) choices(s *wire.Scanner) {
	s.Array()
	for s.Element() {
		r.Choices = true
		if s.Next() != wire.Object {
			s.Skip()
			continue
		}
		s.Object()
		for name := s.Name(); name != nil; name = s.Name() {
			kind := s.Next()
			switch {
			case kind == wire.String && string(name) == "finish_reason":
				span, _, _ := s.Text()
				if r.Content = true; r.Finish == "" {
					r.Finish = finish(s.Slice(span))
				}
			case kind == wire.String && string(name) == "text":
				r.text(s)
			case kind == wire.Object && (string(name) == "delta" || string(name) == "message"):
				r.message(s)
			default:
				s.Skip()
			}
		}
	}
}

// finish gives the reasons of the API their constant words, so that no bytes
// of a vendor's choosing reach a record.
func finish(b []byte) string {
	switch string(b) {
	case "stop", "length", "tool_calls", "content_filter", "function_call":
		return string(b)
	}
	return "other"
}

// signed notes the signature beside a call. It reads the call once more: few
// have one, and all others need not be read so closely.
func (r *Reply) signed(c []byte) {
	var s wire.Scanner
	s.Reset(c)
	s.Lenient = true
	if s.Next() != wire.Object {
		return
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		if string(name) != "extra_content" {
			s.Skip()
			continue
		}
		if state := signature(copied(&s)); state != nil {
			r.Signed = append(r.Signed, state.Blob)
		}
	}
}

// message reads a message or the delta of one.
func (r *Reply) message(s *wire.Scanner) {
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch string(name) {
		case "content", "refusal", "reasoning_content", "reasoning":
			if kind == wire.String {
				r.text(s)
				continue
			}
		case "tool_calls":
			if kind == wire.Array {
				s.Array()
				for s.Element() {
					r.Content = true
					span := s.Skip()
					r.Text += span.End - span.Start
					if c := s.Slice(span); bytes.Contains(c, []byte("extra_content")) {
						r.signed(c)
					}
				}
				continue
			}
		case "function_call", "audio":
			if kind == wire.Object {
				r.Content = true
				r.Text += length(s)
				continue
			}
		}
		s.Skip()
	}
}

func (r *Reply) text(s *wire.Scanner) {
	span, _, _ := s.Text()
	if n := span.End - span.Start; n > 0 {
		r.Content = true
		r.Text += n
	}
}

// usage reads the counts. A usage without prompt_tokens says nothing.
func (r *Reply) usage(s *wire.Scanner) {
	var u call.Usage
	var total int64
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Number && string(name) == "prompt_tokens":
			u.Input, u.Known = tokens(s)
		case kind == wire.Number && string(name) == "completion_tokens":
			u.Output, _ = tokens(s)
		case kind == wire.Number && string(name) == "total_tokens":
			total, _ = tokens(s)
		case kind == wire.Object && string(name) == "prompt_tokens_details":
			u.CachedInput = detail(s, "cached_tokens")
		case kind == wire.Object && string(name) == "completion_tokens_details":
			u.Reasoning = detail(s, "reasoning_tokens")
		default:
			s.Skip()
		}
	}
	// Some compatible servers leave reasoning out of completion_tokens but not
	// out of the total: what was consumed is the larger count.
	if rest := total - u.Input; u.Known && rest > u.Output {
		u.Output = rest
	}
	if u.Known {
		r.Usage = u
	}
}

// detail reads one count of an object of counts.
func detail(s *wire.Scanner, want string) (n int64) {
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		if string(name) == want && s.Next() == wire.Number {
			n, _ = tokens(s)
			continue
		}
		s.Skip()
	}
	return n
}

// tokens reads a count; one that is negative, has decimals or is too large is
// none.
func tokens(s *wire.Scanner) (int64, bool) {
	raw := bytes.TrimSpace(s.Slice(s.Skip()))
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

// ErrorEvent is how a stream that has begun ends in a fault: an error object
// where the next chunk would be, and no end marker after it.
func ErrorEvent(f *fault.Fault, id call.ID) []byte {
	b := append([]byte("data: "), dialects.Refusal(dialects.OpenAI, f, id)...)
	return append(b, '\n', '\n')
}

// KeepAlive is a comment, which OpenAI's SDKs pass over.
var KeepAlive = []byte(": keep-alive\n\n")

// length passes over a value and gives its length in bytes.
func length(s *wire.Scanner) int {
	span := s.Skip()
	return span.End - span.Start
}
