package bedrock

import (
	"slices"

	"bulkhead/chat"
)

// claude reports whether the model takes the fields of Anthropic's own API;
// one whose id does not say who made it is thought to.
func (e *encoder) claude() bool { return e.maker == "anthropic" || e.maker == "" }

// model writes additionalModelRequestFields: what the caller gave for the model
// itself, and what Converse has no field for but the model's own API has.
func (e *encoder) model() {
	if whole := e.own.Get(name, "additionalModelRequestFields"); whole != nil {
		e.raw("additionalModelRequestFields", whole)
		return
	}
	own := e.nested("additionalModelRequestFields")
	start := len(e.b)
	e.open("additionalModelRequestFields", '{')
	empty := len(e.b)
	e.extra(own)
	has := func(n string) bool { return own.Get(name, n) != nil }
	if k := e.r.Sampling.TopK; k != "" {
		switch {
		case e.maker == "amazon" && !has("inferenceConfig"):
			e.open("inferenceConfig", '{')
			e.raw("topK", []byte(k))
			e.close('}')
		case e.maker != "amazon" && !has("top_k"):
			e.raw("top_k", []byte(k))
		default:
			e.l.Drop("sampling.top_k")
		}
	}
	e.reason(has)
	e.parallel(has)
	if len(e.b) == empty {
		e.b = e.b[:start]
		return
	}
	e.close('}')
}

// parallel forbids several calls at once where the model can be told so. The
// choice of tools stands in toolConfig; here its type is said only where it is
// not there: the service puts the two together, wants one type, and refuses two
// (github.com/BerriAI/litellm, issues 22637 and 36536, 2026).
func (e *encoder) parallel(has func(string) bool) {
	p := e.r.Parallel
	tools := len(e.r.Tools) > 0 || e.worked
	switch {
	case p == nil || *p || !tools:
		return
	case !e.claude() || has("tool_choice") || e.r.Choice != nil && e.r.Choice.Mode == chat.ChoiceNone:
		e.l.Drop("parallel_tools")
		return
	}
	e.open("tool_choice", '{')
	if e.r.Choice == nil {
		e.str("type", "auto")
	}
	e.raw("disable_parallel_tool_use", []byte("true"))
	e.close('}')
}

// efforts are the words that outputConfig.effort takes (service description,
// 2026-08), and those of other models on Bedrock (gpt-oss, Amazon Nova 2).
var (
	efforts     = []string{"low", "medium", "high", "xhigh", "max"}
	fewEfforts  = []string{"low", "medium", "high"}
	minThinking = int64(1024) // tokens; Claude refuses less
)

// near gives the nearest of the words that are taken, of an effort that is not none.
func near(effort string, taken []string) string {
	if slices.Contains(taken, effort) {
		return effort
	}
	if effort == "minimal" {
		return taken[0]
	}
	if slices.Contains(efforts, effort) {
		return taken[len(taken)-1]
	}
	return ""
}

// stated is the effort that the caller stated, or that its budget stands for.
// exact says that it is the caller's own word.
func stated(t *chat.Thinking) (effort string, exact bool) {
	if t.Effort != "" {
		return t.Effort, true
	}
	if n, ok := t.Budget.Int(); ok && n >= 0 {
		return chat.EffortOf(n), false
	}
	return "", false
}

// effort gives what outputConfig says of effort: for Claude alone, and not
// where its reasoning is told by a budget.
func (e *encoder) effort() string {
	t := e.r.Thinking
	if t == nil || !e.claude() || e.to.Reasoning == "budget" {
		return ""
	}
	effort, exact := stated(t)
	if effort == "none" || effort == "" || !exact && e.to.Reasoning == "" {
		return ""
	}
	word := near(effort, efforts)
	switch {
	case word == "":
		e.l.Drop("thinking.effort")
	case !exact:
		e.l.Approximate("thinking.budget")
	case word != effort:
		e.l.Approximate("thinking.effort")
	}
	return word
}

// reason says how the model is to reason, in the model's own words.
func (e *encoder) reason(has func(string) bool) {
	t := e.r.Thinking
	if t == nil {
		return
	}
	if t.Summary != "" {
		e.l.Drop("thinking.summary")
	}
	if t.Show != nil && !*t.Show {
		e.l.Drop("thinking.show")
	}
	switch {
	case e.claude() && !has("thinking"):
		e.thinking(t)
		return
	case e.claude():
		return
	}
	e.l.Own("thinking", t.Extra)
	if t.Display != "" {
		e.l.Drop("thinking.display")
	}
	effort, exact := stated(t)
	if t.Mode == chat.ThinkingOff {
		effort, exact = "none", true
	}
	word := near(effort, fewEfforts)
	switch {
	case effort == "" && t.Mode != "":
		e.l.Drop("thinking.mode")
		return
	case effort == "none" && e.maker == "amazon":
		e.raw("reasoningConfig", []byte(`{"type":"disabled"}`))
		return
	case word == "" && effort != "":
		e.l.Drop("thinking.effort")
		return
	case word == "":
		return
	case !exact:
		e.l.Approximate("thinking.budget")
	case word != effort:
		e.l.Approximate("thinking.effort")
	}
	switch {
	case e.maker == "amazon" && !has("reasoningConfig"):
		e.open("reasoningConfig", '{')
		e.str("type", "enabled")
		e.str("maxReasoningEffort", word)
		e.close('}')
	case e.maker != "amazon" && !has("reasoning_effort"):
		e.str("reasoning_effort", word)
	}
}

// thinking writes Claude's own field, in the form that the offering takes.
func (e *encoder) thinking(t *chat.Thinking) {
	mode, budget := t.Mode, t.Budget
	switch form := e.to.Reasoning; {
	case t.Effort == "none":
		mode, budget = chat.ThinkingOff, ""
	case mode == chat.ThinkingOff:
	case form == "adaptive" && (mode != "" || budget != "" || t.Effort != ""):
		if budget == "" && mode == chat.ThinkingOn {
			e.l.Approximate("thinking.mode")
		}
		mode, budget = chat.ThinkingAdaptive, ""
	case form == "effort":
		if mode != "" {
			e.l.Approximate("thinking.mode")
		}
		return
	case form == "budget":
		mode, budget = e.budget(t)
	case mode == "" && budget != "":
		mode = chat.ThinkingOn
	}
	own := e.l.Own("thinking", t.Extra)
	if mode == "" {
		if t.Display != "" {
			e.l.Drop("thinking.display")
		}
		if len(own) == 0 {
			return
		}
	}
	e.open("thinking", '{')
	if mode != "" {
		e.str("type", string(mode))
	}
	if n, ok := budget.Int(); ok && n > 0 {
		e.raw("budget_tokens", []byte(chat.NumberOf(n)))
	}
	if t.Display != "" && mode != "" {
		e.str("display", t.Display)
	}
	e.extra(own)
	e.close('}')
}

// budget gives the mode and budget of thinking for an offering that is told so.
// A budget lies between 1024 tokens and the limit of output; a limit that
// leaves no room for it turns thinking off.
func (e *encoder) budget(t *chat.Thinking) (chat.ThinkingMode, chat.Number) {
	n, known := t.Budget.Int()
	if !known || n < 0 {
		effort := t.Effort
		if effort == "" {
			if t.Mode == "" {
				return "", ""
			}
			effort = "high" // what adaptive reasoning does of itself
		}
		n, known = chat.BudgetOf(effort)
		if !known {
			e.l.Drop("thinking.effort")
			return "", ""
		}
		if t.Effort != "" {
			e.l.Approximate("thinking.effort")
		} else {
			e.l.Approximate("thinking.mode")
		}
		if limit, set := e.r.Sampling.MaxTokens.Int(); set && n >= limit {
			n = limit - 1
			if n < minThinking {
				e.l.Drop("thinking.mode")
				return "", ""
			}
		}
	}
	return chat.ThinkingOn, chat.NumberOf(n)
}
