package gemini

import (
	"bulkhead/chat"
	"bulkhead/wire"
)

// logprobs reads a logprobsResult. The bytes of a token are those of its text.
func (d *replyDecoder) logprobs(data []byte) []chat.Logprob {
	var chosen []chat.Logprob
	var top [][]chat.Logprob
	w := walker{s: &d.inner}
	w.s.Reset(data)
	w.object(func(member string, _ wire.Kind) {
		switch member {
		case "chosenCandidates":
			w.array(func(int) { chosen = append(chosen, w.logprob()) })
		case "topCandidates":
			w.array(func(int) {
				var of []chat.Logprob
				w.object(func(member string, _ wire.Kind) {
					if member != "candidates" {
						w.s.Skip()
						return
					}
					w.array(func(int) { of = append(of, w.logprob()) })
				})
				top = append(top, of)
			})
		default:
			w.s.Skip()
		}
	})
	for i := range chosen {
		if i < len(top) {
			chosen[i].Top = top[i]
		}
	}
	return chosen
}

func (w *walker) logprob() chat.Logprob {
	p := chat.Logprob{Logprob: "0"} // a certainty is left out
	w.object(func(member string, _ wire.Kind) {
		switch member {
		case "token":
			p.Token = w.text()
			for _, b := range []byte(p.Token) {
				p.Bytes = append(p.Bytes, int(b))
			}
		case "logProbability":
			p.Logprob = w.number()
		default:
			w.s.Skip()
		}
	})
	return p
}

// citations reads the sources of a choice's text. Each says where it came
// from: in its own dialect the whole stands with the ending.
func (d *replyDecoder) citations(extra chat.Extra) []chat.Citation {
	var out []chat.Citation
	for _, f := range extra {
		if f.Name != "citationMetadata" && f.Name != "groundingMetadata" {
			continue
		}
		w := walker{s: &d.inner}
		w.s.Reset(f.Value)
		w.object(func(member string, _ wire.Kind) {
			switch member {
			case "citations", "citationSources":
				w.array(func(int) { out = w.citation(out, f.Name) })
			case "groundingChunks":
				w.array(func(int) {
					w.object(func(member string, kind wire.Kind) {
						if kind == wire.Object && (member == "web" || member == "retrievedContext" || member == "maps") {
							out = w.citation(out, f.Name)
							return
						}
						w.s.Skip()
					})
				})
			default:
				w.s.Skip()
			}
		})
	}
	return out
}

func (w *walker) citation(out []chat.Citation, field string) []chat.Citation {
	c := chat.Citation{Kind: chat.CiteURL, Native: &chat.Field{Dialect: name, Name: field, Value: chat.Raw("true")}}
	w.object(func(member string, kind wire.Kind) {
		switch {
		case member == "uri" && kind == wire.String:
			c.URL = w.text()
		case member == "title" && kind == wire.String:
			c.Title = w.text()
		default:
			w.s.Skip()
		}
	})
	if c.URL == "" {
		return out
	}
	return append(out, c)
}
