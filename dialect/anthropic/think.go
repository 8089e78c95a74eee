package anthropic

import (
	"bulkhead/chat"
)

// The words of [dialects.Upstream.Reasoning]. Not knowing is taken for
// adaptive, which every model since Opus 4.6 takes and the newest alone.
const (
	byBudget = "budget"
	byEffort = "effort" // by effort alone, nothing about thinking
)

// leastBudget is the smallest budget that the API takes.
const leastBudget = 1024

// reasoning is how the model is told to reason.
type reasoning struct {
	mode    chat.ThinkingMode
	budget  chat.Number
	display string
	effort  string
	on      bool // the model reasons
	off     bool // it would, but for a forced call or a turn without its state
}

// reason decides how the model is told to reason. It names nothing as lost, so
// that it may be asked twice; thinking does.
func (p *packer) reason() reasoning {
	t := p.r.Thinking
	if t == nil {
		return reasoning{}
	}
	out := reasoning{mode: t.Mode, budget: t.Budget, display: t.Display, effort: effortWord(t.Effort)}
	switch {
	case t.Mode == "" && t.Budget == "" && t.Effort == "":
		return out
	case t.Effort == "none" || t.Mode == chat.ThinkingOff || t.Budget == "0":
		return reasoning{mode: chat.ThinkingOff}
	case p.to.Reasoning == byBudget:
		out.mode, out.effort = chat.ThinkingOn, ""
		if n, ok := t.Budget.Int(); !ok || n < 0 {
			n, ok = chat.BudgetOf(t.Effort)
			if !ok {
				n, _ = chat.BudgetOf("high")
			}
			out.budget = chat.NumberOf(n)
		}
		out.budget = p.within(out.budget)
		if out.budget == "" {
			return reasoning{off: true}
		}
	case p.to.Reasoning == byEffort && t.Mode == "" && t.Budget == "":
		return out
	case p.to.Reasoning == "" && t.Mode == chat.ThinkingOn && t.Budget != "":
		out.budget = p.within(t.Budget) // as an older model's caller wrote it
		if out.budget == "" {
			return reasoning{off: true}
		}
	default:
		out.mode, out.budget = chat.ThinkingAdaptive, ""
		if n, ok := t.Budget.Int(); ok && n > 0 && out.effort == "" {
			out.effort = chat.EffortOf(n)
		}
	}
	out.on = true
	if p.forced() || out.mode == chat.ThinkingOn && !p.resumes() {
		return reasoning{effort: out.effort, off: true}
	}
	return out
}

// effortWord is this dialect's word for an effort.
func effortWord(effort string) string {
	switch effort {
	case "minimal":
		return "low"
	case "none":
		return ""
	}
	return effort
}

// within keeps a budget within what the API takes: at least 1024 and less than
// max_tokens; empty where that leaves nothing.
func (p *packer) within(budget chat.Number) chat.Number {
	n, ok := budget.Int()
	if !ok {
		return budget // the vendor's to judge
	}
	n = max(n, leastBudget)
	if limit, stated := p.r.Sampling.MaxTokens.Int(); stated && n >= limit {
		if n = limit - 1; n < leastBudget {
			return ""
		}
	}
	if budget == chat.NumberOf(n) {
		return budget
	}
	return chat.NumberOf(n)
}

// forced reports whether the caller demands a call.
func (p *packer) forced() bool {
	c := p.r.Choice
	return c != nil && (c.Mode == chat.ChoiceAny || c.Mode == chat.ChoiceOne)
}

// resumes reports whether the conversation can go on with a budget for
// reasoning: where results are awaited, the turn that asked for them must begin
// with its own reasoning, as its minter signed it.
func (p *packer) resumes() bool {
	_, messages := p.r.Lead()
	turns := chat.Turns(messages)
	n := len(turns) - 1
	if n < 1 || turns[n].Role != chat.User || turns[n-1].Role != chat.Assistant || len(turns[n].Parts) == 0 {
		return true
	}
	if _, awaited := turns[n].Parts[0].Content.(chat.ToolResult); !awaited {
		return true
	}
	for i := range turns[n-1].Parts {
		part := &turns[n-1].Parts[i]
		if r, is := part.Content.(chat.Reasoning); !is || p.carries(part) && (r.Text != "" || part.State != nil) {
			return is
		}
	}
	return false
}

// thinking writes how the model is told to reason and names what differs from
// what the caller asked.
func (p *packer) thinking(t reasoning) {
	asked := p.r.Thinking
	if asked == nil {
		return
	}
	p.differs(asked, t)
	extra := p.l.Own("thinking", asked.Extra)
	if t.mode == "" {
		return
	}
	w := &p.w
	w.name("thinking")
	w.open('{')
	w.name("type")
	w.text(string(t.mode))
	if t.mode == chat.ThinkingOn {
		w.numberAt("budget_tokens", t.budget)
	}
	if t.mode != chat.ThinkingOff {
		w.textAt("display", p.display(asked))
	}
	w.extras(extra)
	w.close('}')
}

// display says whether thoughts are shown, where another dialect's caller said it.
func (p *packer) display(asked *chat.Thinking) string {
	switch {
	case asked.Display != "":
		return asked.Display
	case asked.Show != nil && !*asked.Show:
		return "omitted"
	case asked.Show != nil || asked.Summary != "":
		return "summarized"
	}
	return ""
}

// differs names what of the caller's wish became something else.
func (p *packer) differs(asked *chat.Thinking, t reasoning) {
	switch {
	case t.off:
		p.l.Approximate("thinking")
		return
	case t.mode == chat.ThinkingOff:
		return
	}
	if asked.Effort != t.effort && (asked.Effort != "" || asked.Budget == "") {
		p.l.Approximate("thinking.effort")
	}
	if asked.Budget != "" && asked.Budget != t.budget {
		p.l.Approximate("thinking.budget")
	}
	if asked.Mode != "" && asked.Mode != t.mode {
		p.l.Approximate("thinking.mode")
	}
	if asked.Summary == "concise" || asked.Summary == "detailed" {
		p.l.Approximate("thinking.summary")
	}
}
