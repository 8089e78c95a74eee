package openai

import (
	"bulkhead/chat"
	"bulkhead/wire"
)

// count reads a count into to; one that is negative, has decimals or is too
// large is none.
func count64(s *wire.Scanner, to *int64) bool {
	if s.Next() != wire.Number {
		s.Skip()
		return false
	}
	n, ok := tokens(s)
	*to = n
	return ok
}

// readUsage reads the object next. It says false for a usage without
// prompt_tokens, which says nothing.
func readUsage(s *wire.Scanner, u *chat.Usage) bool {
	*u = chat.Usage{}
	var prompt, total int64
	known := false
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch {
		case string(name) == "prompt_tokens":
			known = count64(s, &prompt)
		case string(name) == "completion_tokens":
			count64(s, &u.Output)
		case string(name) == "total_tokens":
			count64(s, &total)
		case string(name) == "prompt_tokens_details" && s.Next() == wire.Object:
			usageDetails(s, []named{{"cached_tokens", &u.CacheRead}, {"cache_write_tokens", &u.CacheWrite5m}, {"audio_tokens", &u.InputAudio}, {"image_tokens", &u.InputImage}})
		case string(name) == "completion_tokens_details" && s.Next() == wire.Object:
			usageDetails(s, []named{{"reasoning_tokens", &u.Reasoning}, {"audio_tokens", &u.OutputAudio}, {"accepted_prediction_tokens", &u.Accepted}, {"rejected_prediction_tokens", &u.Rejected}})
		case s.Next() == wire.Null:
			s.Skip()
		default:
			keep(s, &u.Extra, usageTaken, "", string(name))
		}
	}
	// What was consumed is the larger count, as in ReadReply.
	u.Output = max(u.Output, total-prompt)
	u.Inclusive(prompt)
	return known && !s.Failed()
}

// named is a count and the member it is read from.
type named struct {
	name string
	to   *int64
}

func usageDetails(s *wire.Scanner, counts []named) {
	s.Object()
next:
	for name := s.Name(); name != nil; name = s.Name() {
		for _, c := range counts {
			if c.name == string(name) {
				count64(s, c.to)
				continue next
			}
		}
		s.Skip()
	}
}

// usage writes the object of counts.
func (w *writer) usage(u *chat.Usage) {
	w.object("usage")
	w.int("prompt_tokens", u.Prompt())
	w.int("completion_tokens", u.Output)
	w.int("total_tokens", u.Total())
	w.object("prompt_tokens_details")
	w.int("cached_tokens", u.CacheRead)
	w.count("cache_write_tokens", u.CacheWrite())
	w.int("audio_tokens", u.InputAudio)
	w.count("image_tokens", u.InputImage)
	w.close('}')
	w.object("completion_tokens_details")
	w.int("reasoning_tokens", u.Reasoning)
	w.int("audio_tokens", u.OutputAudio)
	w.int("accepted_prediction_tokens", u.Accepted)
	w.int("rejected_prediction_tokens", u.Rejected)
	w.close('}')
	w.extra(u.Extra, "")
	w.close('}')
}

// count writes a count that is left out when it is zero.
func (w *writer) count(name string, n int64) {
	if n != 0 {
		w.int(name, n)
	}
}

// embedded writes the counts of an embeddings reply.
func (w *writer) embedded(u *chat.Usage) {
	w.object("usage")
	w.int("prompt_tokens", u.Prompt())
	w.int("total_tokens", u.Prompt())
	w.close('}')
}
