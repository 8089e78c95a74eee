package gemini

import (
	"strconv"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/wire"
)

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// CountReply appends the body of a reply to countTokens.
func (Server) CountReply(dst []byte, u *chat.Usage, a *dialect.Answering) ([]byte, error) {
	w := replyWriter{writer{dst}, a.Loss}
	w.open('{')
	w.key("totalTokens").integer(u.Prompt())
	if u.CacheRead > 0 {
		w.key("cachedContentTokenCount").integer(u.CacheRead)
	}
	w.modes("promptTokensDetails", u.Prompt(), u.InputAudio, u.InputImage, u.InputVideo)
	w.own("usage", u.Extra)
	w.close('}')
	return w.b, nil
}

// CountReply reads the body of a reply to countTokens. One without a count is
// a fault: what is not known is not zero.
func (Client) CountReply(body []byte, s *wire.Scanner) (*chat.Usage, error) {
	d := replyDecoder{s: s}
	var total int64
	var known bool
	var details []byte
	u := &chat.Usage{}
	s.Reset(body)
	if s.Object() {
		for raw := s.Name(); raw != nil; raw = s.Name() {
			member := camel(raw)
			s.Next()
			at := s.Pos()
			v := s.Slice(wire.Span{Start: at, End: s.Skip().End})
			switch member {
			case "totalTokens":
				total, known = tokenCount(v)
			case "cachedContentTokenCount":
				u.CacheRead, _ = tokenCount(v)
			case "promptTokensDetails":
				details = v
			case "cacheTokensDetails": // of what is counted already
			default:
				u.Extra = append(u.Extra, chat.Field{Dialect: name, Name: member, Value: append(chat.Raw(nil), v...)})
			}
		}
	}
	if err := s.End(); err != nil {
		return nil, broken("it is no JSON object").Because(err)
	}
	if !known {
		return nil, broken("it has no count of tokens")
	}
	d.modal(details, &u.InputAudio, &u.InputImage, &u.InputVideo)
	u.Inclusive(total)
	return u, nil
}
