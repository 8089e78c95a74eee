package responses

import (
	"bulkhead/chat"

	dialects "bulkhead/dialect"
)

// Reply implements [dialects.Server]. The dialect has one answer: others are
// left out and named.
func (s Server) Reply(dst []byte, r *chat.Reply, a *dialects.Answering) ([]byte, error) {
	var resp response
	resp.begin(a, &chat.Head{ID: r.ID, Model: r.Model, Created: r.Created, Tier: r.Tier}, s.Now)
	resp.drops("", r.Extra)
	var c chat.Choice
	if len(r.Choices) > 0 {
		c = r.Choices[0]
	}
	if len(r.Choices) > 1 {
		resp.losses.Drop("choices")
	}
	refused := false
	for i := range c.Parts {
		_, is := c.Parts[i].Content.(chat.Refusal)
		refused = refused || is
	}
	resp.end(&c.Ending, refused)
	resp.usage = r.Usage
	if u := r.Usage; u != nil {
		resp.drops("usage.", u.Extra)
	}
	items := replyItems(&resp, c.Parts)
	w := writer{dst}
	w.response(&resp, items, r.Extra, c.Ending.Extra)
	return w.b, nil
}

// replyItems writes the items of an answer.
func replyItems(r *response, parts []chat.Part) []byte {
	w := writer{make([]byte, 0, 512)}
	w.open('[')
	for j := 0; j < len(parts); {
		p, n := &parts[j], 1
		switch x := p.Content.(type) {
		case chat.Text, chat.Refusal:
			n = run(parts[j:], saysText)
			w.replyMessage(r, parts[j:j+n], r.itemStatus(j+n == len(parts)))
		case chat.Reasoning:
			n = reasoningRun(parts[j:])
			w.replyReasoning(r, parts[j:j+n])
		case chat.ToolCall:
			r.unplaced(p)
			w.element()
			w.str("id", r.itemID(p, callPrefix(x)))
			w.call(x, callID(x.ID))
			w.str("status", r.itemStatus(j+1 == len(parts)))
			r.drops("choices[].parts[].", p.Extra)
			w.own(p.Extra)
			w.close('}')
		case chat.Native:
			if x.Dialect != own {
				r.losses.Drop("choices[].parts[].native")
				break
			}
			w.next()
			w.value(string(x.Value))
		case chat.Media:
			w.picture(r, p, x.Medium, x.Data)
		default:
			r.losses.Drop("choices[].parts[]")
		}
		j += n
	}
	return w.b[1:]
}

// itemID is the id that the vendor gave an item, or one of ours.
func (r *response) itemID(p *chat.Part, prefix string) string {
	if p.Item != "" {
		return p.Item
	}
	return r.mint(prefix)
}

func callPrefix(x chat.ToolCall) string {
	if x.Custom {
		return "ctc_"
	}
	return "fc_"
}

// unplaced names state on something that is no reasoning.
func (r *response) unplaced(p *chat.Part) {
	if p.State != nil {
		r.losses.Drop("choices[].parts[].state")
	}
}

// replyMessage writes what the model said in one item.
func (w *writer) replyMessage(r *response, parts []chat.Part, status string) {
	w.element()
	w.str("id", r.itemID(&parts[0], "msg_"))
	w.str("type", "message")
	w.str("role", "assistant")
	w.array("content")
	for k := range parts {
		r.unplaced(&parts[k])
		r.drops("choices[].parts[].", parts[k].Extra)
		w.output(&parts[k], r.losses, "choices[].parts[]")
	}
	w.close(']')
	w.str("status", status)
	w.own(parts[0].Extra)
	w.close('}')
}

// replyReasoning writes a reasoning item with its state, whoever minted it.
func (w *writer) replyReasoning(r *response, parts []chat.Part) {
	s := stateOf(parts)
	if s == nil && parts[0].Item == "" && !thought(parts) {
		return // nothing that could be shown or sent back
	}
	w.element()
	w.str("id", r.itemID(&parts[0], "rs_"))
	w.str("type", "reasoning")
	w.thoughts(parts)
	if s != nil {
		w.str("encrypted_content", sealState(s))
	}
	r.drops("choices[].parts[].", parts[0].Extra)
	w.own(parts[0].Extra)
	w.close('}')
}

// picture writes an image that the model made. Other media have no place.
func (w *writer) picture(r *response, p *chat.Part, medium chat.Medium, data string) {
	if medium != chat.Image || data == "" {
		r.losses.Drop("choices[].parts[].medium")
		return
	}
	w.element()
	w.str("id", r.itemID(p, "ig_"))
	w.str("type", "image_generation_call")
	w.str("status", "completed")
	w.str("result", data)
	w.close('}')
}
