package sim

import "strings"

// responsesWire puts a completion into the shape of the Responses API.
type responsesWire struct {
	*completion
	req     *responsesRequest
	chat    *chatWire // for log probabilities
	vendor  *vendor
	dice    *dice
	id      string
	created int64
	quiet   bool // a fault: no usage

	answer *answer
	ids    map[string]string // of items, by what they are
	chunks [][]byte
}

func (x *exchange) responsesWire(req *responsesRequest, c *completion) *responsesWire {
	w := &responsesWire{completion: c, req: req, chat: x.wire(c), vendor: x.vendor, dice: x.id, created: x.began.Unix(), answer: c.answers[0], ids: map[string]string{}}
	w.id = "resp_" + x.id.hex(50)
	w.quiet = x.fault.Usage == "none"
	return w
}

// response is the reply object, members in the order of the newest recording.
func (w *responsesWire) response(status string, output []object) object {
	asked := w.req.asked
	echo := func(name string, or any) any {
		if v, ok := asked.get(name); ok && v != nil {
			return v
		}
		return or
	}
	ended := status != "in_progress"
	var completed, incomplete, usage any
	if ended {
		if completed = w.created + 1; w.answer.finish == "length" || w.answer.filtered {
			status, completed = "incomplete", nil
			incomplete = object{{"reason", map[bool]string{true: "content_filter", false: "max_output_tokens"}[w.answer.filtered]}}
		}
		if !w.quiet {
			usage = w.usage()
		}
	}
	tier := echo("service_tier", "auto")
	if ended && tier == "auto" {
		tier = "default"
	}
	out := object{{"id", w.id}, {"object", "response"}, {"created_at", w.created}, {"status", status}, {"background", false}, {"completed_at", completed}}
	if w.vendor.Kind == Azure {
		var filters any
		if ended {
			filters = []object{
				{{"blocked", false}, {"source_type", "prompt"}, {"content_filter_raw", []any{}}, {"content_filter_results", filterFindings(false, "self_harm")},
					{"content_filter_offsets", object{{"start_offset", 0}, {"end_offset", w.promptTokens}, {"check_offset", 0}}}},
				{{"blocked", w.answer.filtered}, {"source_type", "completion"}, {"content_filter_raw", []any{}}, {"content_filter_results", filterFindings(w.answer.filtered, "self_harm")},
					{"content_filter_offsets", object{{"start_offset", 0}, {"end_offset", len(w.answer.text())}, {"check_offset", 0}}}},
			}
		}
		out = append(out, member{"content_filters", filters})
	}
	format := any(object{{"type", "text"}})
	if f := asked.object("text").object("format"); f != nil {
		format = f
	}
	verbosity := w.req.verbosity
	if verbosity == "" {
		verbosity = "medium"
	}
	var effort any
	if w.request.model.Reasons {
		effort = "medium"
	}
	if w.req.effort != "" {
		effort = w.req.effort
	}
	tools := []any{}
	for _, t := range asked.array("tools") {
		tools = append(tools, echoedTool(t))
	}
	return append(out, object{
		{"error", nil}, {"frequency_penalty", 0}, {"incomplete_details", incomplete}, {"instructions", echo("instructions", nil)},
		{"max_output_tokens", echo("max_output_tokens", nil)}, {"max_tool_calls", echo("max_tool_calls", nil)}, {"model", w.request.model.Version}, {"output", output},
		{"parallel_tool_calls", w.req.parallel}, {"presence_penalty", 0}, {"previous_response_id", nil}, {"prompt_cache_key", echo("prompt_cache_key", nil)},
		{"prompt_cache_retention", echo("prompt_cache_retention", nil)}, {"reasoning", object{{"effort", effort}, {"summary", orNull(w.req.summary)}}},
		{"safety_identifier", echo("safety_identifier", nil)}, {"service_tier", tier}, {"store", echo("store", true)}, {"temperature", echo("temperature", 1)},
		{"text", object{{"format", format}, {"verbosity", verbosity}}}, {"tool_choice", echo("tool_choice", "auto")}, {"tools", tools},
		{"top_logprobs", w.req.topLogprobs}, {"top_p", echo("top_p", 1)}, {"truncation", echo("truncation", "disabled")}, {"usage", usage},
		{"user", echo("user", nil)}, {"metadata", echo("metadata", object{})},
	}...)
}

// echoedTool is a tool as a reply says it: a function's strictness is stated, and true where it was not.
func echoedTool(t any) any {
	o, _ := t.(object)
	if o.text("type") != "function" {
		return t
	}
	strict, given := o.get("strict")
	if !given || strict == nil {
		strict = true
	}
	var described, parameters any
	if v, ok := o.get("description"); ok && v != "" {
		described = v
	}
	if v, ok := o.get("parameters"); ok {
		parameters = v
	}
	return object{{"type", "function"}, {"description", described}, {"name", o.text("name")}, {"parameters", parameters}, {"strict", strict}}
}

func (w *responsesWire) usage() object {
	total, reasoning, _ := w.outputTokens()
	return object{
		{"input_tokens", w.promptTokens}, {"input_tokens_details", object{{"cached_tokens", w.cachedTokens}}},
		{"output_tokens", total}, {"output_tokens_details", object{{"reasoning_tokens", reasoning}}}, {"total_tokens", w.promptTokens + total},
	}
}

// itemID mints the id of an item, the same each time it is asked for.
func (w *responsesWire) itemID(prefix, of string) string {
	key := prefix + of
	if w.ids[key] == "" {
		w.ids[key] = prefix + w.dice.hex(50)
	}
	return w.ids[key]
}

// output are the items of the whole answer.
func (w *responsesWire) output() []object {
	out := []object{}
	if w.reasons() {
		out = append(out, w.reasoningItem(true))
	}
	if w.says() {
		out = append(out, w.messageItem())
	}
	for _, c := range w.answer.calls {
		out = append(out, w.callItem(c, true))
	}
	return out
}

func (w *responsesWire) reasons() bool { return w.request.model.Reasons && w.req.effort != "none" }

func (w *responsesWire) says() bool { return len(w.answer.calls) == 0 }

// reasoningItem is the thought: its summary where one was asked for, sealed where nothing is kept or it was asked so.
func (w *responsesWire) reasoningItem(whole bool) object {
	item := object{{"id", w.itemID("rs_", "")}, {"type", "reasoning"}}
	if w.req.sealed {
		item = append(item, member{"encrypted_content", w.vendor.seal(w.dice)})
	}
	summary := []object{}
	if text := w.thought(); whole && text != "" {
		summary = append(summary, object{{"type", "summary_text"}, {"text", text}})
	}
	return append(item, member{"summary", summary})
}

// thought is the summary of it, empty unless asked for.
func (w *responsesWire) thought() string {
	if w.req.summary == "" || len(w.answer.reasoning) == 0 {
		return ""
	}
	return strings.TrimSpace(strings.Join(w.answer.reasoning[:min(24, len(w.answer.reasoning))], ""))
}

func (w *responsesWire) status() string {
	if w.answer.finish == "length" || w.answer.filtered {
		return "incomplete"
	}
	return "completed"
}

func (w *responsesWire) messageItem() object {
	return object{{"id", w.itemID("msg_", "")}, {"type", "message"}, {"status", w.status()}, {"content", []object{w.contentPart(w.answer.text(), true)}}, {"role", "assistant"}}
}

// contentPart is what the message says. Log probabilities stand in the whole item alone (recorded).
func (w *responsesWire) contentPart(text string, whole bool) object {
	if w.answer.refused {
		return object{{"type", "refusal"}, {"refusal", text}}
	}
	probs := []object{}
	if whole {
		probs = w.probs(0, len(w.answer.tokens))
	}
	return object{{"type", "output_text"}, {"annotations", []any{}}, {"logprobs", probs}, {"text", text}}
}

// probs are log probabilities of tokens from to to, members in the recorded order.
func (w *responsesWire) probs(from, to int) []object {
	list, _ := w.chat.logprobs(w.answer, from, to).(object)
	content, _ := list.get("content")
	entries, _ := content.([]object)
	out := []object{}
	for _, e := range entries {
		out = append(out, ordered(e))
	}
	return out
}

func ordered(e object) object {
	out := object{}
	for _, name := range []string{"bytes", "logprob", "token"} {
		v, _ := e.get(name)
		out = append(out, member{name, v})
	}
	if top, ok := e.get("top_logprobs"); ok {
		list := []object{}
		for _, t := range top.([]object) {
			list = append(list, ordered(t))
		}
		out = append(out, member{"top_logprobs", list})
	}
	return out
}

func (w *responsesWire) callItem(c toolCall, whole bool) object {
	typ, prefix, field, input, status := "function_call", "fc_", "arguments", "", "in_progress"
	if c.custom {
		typ, prefix, field = "custom_tool_call", "ctc_", "input"
	}
	if whole {
		input, status = c.input(), w.status()
	}
	return object{{"id", w.itemID(prefix, c.id+c.name+c.input())}, {"type", typ}, {"status", status}, {field, input}, {"call_id", c.id}, {"name", c.name}}
}
