package responses

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Reply implements [dialects.Client].
func (Client) Reply(body []byte, _ *wire.Scanner, to *dialects.Upstream) (*chat.Reply, error) {
	var doc replyJSON
	if !utf8.Valid(body) { // it was damaged on its way
		return nil, fault.New(fault.UpstreamError, "The vendor's reply is not text.")
	}
	if err := json.Unmarshal(body, &doc, lenient); err != nil {
		return nil, fault.New(fault.UpstreamError, "The vendor's reply cannot be read.").Because(err)
	}
	a := answer{seed: doc.ID}
	for _, raw := range doc.Output {
		if err := a.item(raw, to.Family); err != nil {
			return nil, err
		}
	}
	ending, err := doc.ending(&a)
	if err != nil {
		return nil, err
	}
	return &chat.Reply{
		ID: doc.ID, Model: doc.Model, Created: doc.created(), Tier: doc.Tier, Usage: doc.Usage.usage(), Extra: replyExtras(doc.Rest),
		Choices: []chat.Choice{{Parts: a.parts, Ending: ending}},
	}, nil
}

// echoes are members of a reply that say what was asked, or nothing that a
// caller of another dialect could miss.
var echoes = map[string]bool{
	"object": true, "background": true, "completed_at": true, "instructions": true, "max_output_tokens": true, "max_tool_calls": true,
	"parallel_tool_calls": true, "previous_response_id": true, "prompt_cache_key": true, "prompt_cache_retention": true,
	"prompt_cache_options": true, "reasoning": true, "safety_identifier": true, "store": true, "temperature": true, "text": true,
	"tool_choice": true, "tools": true, "top_logprobs": true, "top_p": true, "truncation": true, "user": true, "metadata": true,
	"frequency_penalty": true, "presence_penalty": true, "output_text": true, "billing": true, "next_response_ids": true,
}

// replyExtras are members of a reply that only the dialect knows.
func replyExtras(rest chat.Raw) chat.Extra {
	var out chat.Extra
	for _, f := range extras(nil, "", rest) {
		if !echoes[f.Name] {
			out = append(out, f)
		}
	}
	return out
}

// answer gathers the parts of a reply.
type answer struct {
	seed    string // of ids that the vendor does not give: the reply's id
	parts   []chat.Part
	calls   map[string]bool
	called  bool // the caller is to run a tool
	refused bool
}

// item adds an output item. What the hub cannot say is kept whole.
func (a *answer) item(raw chat.Raw, family string) error {
	var it itemJSON
	typ := itemType(raw)
	native := func() {
		a.called = a.called || awaited[typ]
		a.parts = append(a.parts, chat.Part{Content: chat.Native{Dialect: own, Type: typ, Value: raw.Clone()}})
	}
	switch typ {
	case "message", "function_call", "custom_tool_call", "reasoning":
		if json.Unmarshal(raw, &it, lenient) != nil {
			native()
			return nil
		}
	default:
		native()
		return nil
	}
	var t thread
	x := it.extra()
	switch typ {
	case "message":
		parts, err := it.Content.chat("output")
		if err != nil || it.Role != "" && it.Role != string(chat.Assistant) {
			native()
			return nil
		}
		it.Role = string(chat.Assistant)
		if t.message(&it, parts, x); len(parts) > 0 {
			parts = t.messages[0].Parts
		}
		for k := range parts {
			_, refusal := parts[k].Content.(chat.Refusal)
			a.refused = a.refused || refusal
		}
		a.parts = append(a.parts, parts...)
	case "reasoning":
		parts := it.reasoning(x)
		if s := stateOf(parts); s != nil {
			s.Minter = family
		}
		a.parts = append(a.parts, parts...)
	default:
		call := chat.ToolCall{ID: a.callID(it.CallID), Name: it.Name, Arguments: it.Arguments}
		if typ == "custom_tool_call" {
			call.Arguments, call.Custom = it.Input, true
		}
		if call.Name == "" {
			return fault.New(fault.UpstreamError, "The vendor's reply calls a tool that it does not name.")
		}
		a.called = true
		a.parts = append(a.parts, chat.Part{Content: call, Item: it.ID, Extra: x})
	}
	return nil
}

// awaited are the items that only the dialect knows after which the caller's
// turn is: it runs the tool, or approves it.
var awaited = map[string]bool{"computer_call": true, "local_shell_call": true, "apply_patch_call": true, "mcp_approval_request": true}

// callID gives the id of a call: the vendor's, or one that no other call of the
// reply has.
func (a *answer) callID(id string) string {
	fresh := id
	for n := 0; fresh == "" || a.calls[fresh]; n++ {
		fresh = chat.FitID(a.seed + "\x00" + id + "\x00" + strconv.Itoa(n))
	}
	if a.calls == nil {
		a.calls = map[string]bool{}
	}
	a.calls[fresh] = true
	return fresh
}

// itemType gives an item's type, empty for none.
func itemType(raw chat.Raw) string {
	var head struct {
		Type word `json:"type"`
	}
	if json.Unmarshal(raw, &head, lenient) != nil {
		return ""
	}
	return string(head.Type)
}

// ending says why a reply ends. One that failed, or has not ended, is a fault.
func (r *replyJSON) ending(a *answer) (chat.Ending, error) {
	status := r.Status
	if status == "" && (r.Error != nil || len(a.parts) == 0) {
		status = "failed" // an error, or nothing, under a status that said that all was well
	}
	switch status {
	case "completed", "": // compatible servers may leave it out
		e := chat.Ending{Reason: chat.ReasonStop, Said: r.Status}
		if a.called {
			e.Reason = chat.ReasonTool
		} else if a.refused {
			e.Reason = chat.ReasonRefusal
		}
		return e, nil
	case "incomplete":
		e := chat.Ending{Reason: chat.ReasonLength, Said: "incomplete"} // a reason that is not known is no good end either
		if r.Incomplete != nil && r.Incomplete.Reason != "" {
			e.Said = clip(r.Incomplete.Reason)
			if e.Said == "content_filter" {
				e.Reason = chat.ReasonFilter
			}
		}
		return e, nil
	case "queued", "in_progress":
		return chat.Ending{}, fault.New(fault.UpstreamError, "The vendor has not finished its reply (%s).", r.Status)
	case "failed":
		return chat.Ending{}, inBand(r.Error)
	}
	return chat.Ending{}, fault.New(fault.UpstreamError, "The vendor broke its reply off.")
}
