package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// answer is what the pretend model says as one choice, before it is put on the wire.
type answer struct {
	tokens    []string // of the content or, if refused, of the refusal
	refused   bool
	calls     []toolCall
	reasoning []string // tokens of thought; only compatible servers show them
	spoken    bool     // the content is said aloud
	finish    string   // stop, length, tool_calls, content_filter
	filtered  bool     // a content filter stopped it
}

type toolCall struct {
	id     string
	name   string
	custom bool
	tokens []string // of the arguments, or of a custom tool's input
}

func (a *answer) text() string { return strings.Join(a.tokens, "") }

func (c toolCall) input() string { return strings.Join(c.tokens, "") }

// outputTokens is what the answer costs: thought, content, and name and input of each call.
func (a *answer) outputTokens() int {
	n := len(a.reasoning) + len(a.tokens)
	for _, c := range a.calls {
		n += len(Tokens(c.name)) + len(c.tokens)
	}
	return n
}

// completion is a whole reply to one chat request.
type completion struct {
	request      *chatRequest
	answers      []*answer
	promptTokens int
	imageTokens  int
	audioTokens  int
	cachedTokens int
}

func (c *completion) outputTokens() (total, reasoning, audio int) {
	for _, a := range c.answers {
		total += a.outputTokens()
		reasoning += len(a.reasoning)
		if a.spoken {
			audio += len(a.tokens)
		}
	}
	return total, reasoning, audio
}

// Directives stand anywhere in the last user message and make the pretend model do what real ones do of themselves.
var directive = regexp.MustCompile(`\[sim:([a-z-]+)(?:=([^\]]*))?\]`)

// prompt is the conversation as the pretend model reads it.
type prompt struct {
	full       string // the last user message without directives
	text       string // what is looked at of it: all, or its beginning and end
	directives map[string]string
	results    []message // tool messages after the last assistant message
	media      []media   // of all messages
	all        []string  // everything, for the seed of its choices
}

func readPrompt(messages []message) prompt {
	p := prompt{directives: map[string]string{}}
	for i, m := range messages {
		p.all = append(p.all, m.role, m.text)
		p.media = append(p.media, m.media...)
		for _, part := range m.media {
			p.all = append(p.all, part.what, part.format, strconv.Itoa(part.bytes))
		}
		if m.role == "user" {
			p.full = m.text
		}
		if m.role == "tool" || m.role == "function" {
			p.results = append(p.results, m)
		} else if i < len(messages)-1 || m.role != "assistant" {
			p.results = nil
		}
	}
	if strings.Contains(p.full, "[sim:") {
		for _, d := range directive.FindAllStringSubmatch(p.full, -1) {
			p.directives[d[1]] = d[2]
		}
		p.full = directive.ReplaceAllString(p.full, "")
	}
	p.full = strings.TrimSpace(p.full)
	p.text = p.full
	if len(p.text) > lookedAtFirst+lookedAtLast {
		p.text = head(p.full, lookedAtFirst) + "\n" + tail(p.full, lookedAtLast)
	}
	return p
}

// Of a long message only so many bytes are searched for what it asks; all of it is counted and makes the choices.
const (
	lookedAtFirst = 2000
	lookedAtLast  = 4000
)

// asksForHarm finds what a real model would refuse, so that a refusal needs no directive.
var asksForHarm = regexp.MustCompile(`(?i)\bmake a bomb\b`)

func (p prompt) wantsRefusal() bool {
	_, told := p.directives["refuse"]
	return told || asksForHarm.MatchString(p.text)
}

// think gives the reply to a request. newID mints tool call ids.
func (v *vendor) think(req *chatRequest, newID func() string) *completion {
	p := readPrompt(req.messages)
	m := measure(req)
	out := &completion{request: req, promptTokens: m.n, imageTokens: m.images, audioTokens: m.audio}
	out.cachedTokens = v.cache.use(req.model.ID, m)
	for i := range req.n {
		d := diceFor(append([]string{req.model.ID, req.seed, strconv.Itoa(i)}, p.all...)...)
		a := &answer{finish: "stop"}
		a.reasoning = v.reason(req, p, d)
		compose(req, p, d, a, newID)
		a.limit(req)
		if _, told := p.directives["filter"]; told || req.filter != "" {
			a.finish, a.filtered, a.calls = "content_filter", true, nil
			a.tokens = a.tokens[:len(a.tokens)/2]
		}
		out.answers = append(out.answers, a)
	}
	return out
}

// compose decides what to say.
func compose(req *chatRequest, p prompt, d *dice, a *answer, newID func() string) {
	if p.wantsRefusal() {
		a.refused, a.tokens = true, Tokens("I'm sorry, but I can't assist with that request.")
		return
	}
	if calls := chooseCalls(req, p, d); len(calls) > 0 {
		for i := range calls {
			calls[i].id = newID()
		}
		a.calls, a.finish = calls, "tool_calls"
		return
	}
	var text string
	switch req.format.kind {
	case "json_schema":
		text = string(encode(fill(req.format.schema, newHints(p.text), d, allProperties)))
	case "json_object":
		text = string(encode(object{{"answer", prose(req, p, d)}, {"topics", topics(p.text)}, {"simulated", true}}))
	default:
		text = prose(req, p, d)
		for _, s := range req.stop {
			if at := strings.Index(text, s); at >= 0 && s != "" {
				text = text[:at]
			}
		}
	}
	a.tokens = Tokens(text)
	a.spoken = req.audio != nil
}

// limit cuts the answer to max_tokens: thought is paid first, then content or calls.
func (a *answer) limit(req *chatRequest) {
	left := req.maxTokens
	if left == 0 || a.outputTokens() <= left {
		return
	}
	a.finish = "length"
	a.reasoning = a.reasoning[:min(left, len(a.reasoning))]
	left -= len(a.reasoning)
	a.tokens = a.tokens[:min(left, len(a.tokens))]
	for i, c := range a.calls {
		left -= len(Tokens(c.name))
		if left < 0 {
			a.calls = a.calls[:i]
			break
		}
		a.calls[i].tokens = c.tokens[:min(left, len(c.tokens))]
		left -= len(a.calls[i].tokens)
	}
}

// reason gives tokens of thought: by effort, in the steps of 64 that OpenAI counts in, or as the prompt directs.
func (v *vendor) reason(req *chatRequest, p prompt, d *dice) []string {
	n := 0
	if req.model.Reasons {
		blocks := map[string]int{"none": 0, "minimal": 0, "low": 1, "": 3, "medium": 3, "high": 8, "xhigh": 12, "max": 16}
		n = 64 * blocks[req.effort]
	}
	if told, ok := p.directives["reasoning"]; ok {
		if k, err := strconv.Atoi(told); err == nil && k >= 0 {
			n = min(k, maxWords)
		}
	}
	if n == 0 {
		return nil
	}
	thought := Tokens("Let me think about this. ")
	for len(thought) < n {
		thought = append(thought, Tokens(sentence(topics(p.text), d)+" ")...)
	}
	return thought[:n]
}

// measure counts the prompt: each message's role, text and media, and the definitions of tools and schema.
func measure(req *chatRequest) *meter {
	m := &meter{}
	for _, t := range req.tools {
		m.text(t.definition)
	}
	if req.format.schema != nil {
		m.text(string(encode(req.format.schema)))
	}
	for _, msg := range req.messages {
		m.add(msg.role, tokensPerMessage)
		m.text(msg.text)
		for _, part := range msg.media {
			m.media(part)
		}
		for _, name := range msg.names {
			m.text(name)
		}
	}
	m.add("reply", tokensPerReply)
	return m
}

func (m *meter) media(part media) {
	cost := max(1, part.bytes/fileBytesPerToken)
	switch {
	case part.what == "image" && part.detail == "low":
		cost = tokensPerLowImage
		m.images += cost
	case part.what == "image":
		cost = tokensPerImage
		m.images += cost
	case part.what == "audio clip":
		cost = max(1, part.bytes/audioBytesPerToken)
		m.audio += cost
	}
	m.add(fmt.Sprint(part.what, part.format, part.bytes), cost)
}

// heard says what media and tool results the prompt held, one sentence each.
func (p prompt) heard() []string {
	var out []string
	for _, m := range p.media {
		article := "a"
		if strings.ContainsAny(m.what[:1], "aeiou") {
			article = "an"
		}
		switch {
		case m.bytes > 0 && m.format != "":
			out = append(out, fmt.Sprintf("I was given %s %s (%s, %d bytes).", article, m.what, m.format, m.bytes))
		case m.bytes > 0:
			out = append(out, fmt.Sprintf("I was given %s %s (%d bytes).", article, m.what, m.bytes))
		default:
			out = append(out, fmt.Sprintf("I was given %s %s by reference.", article, m.what))
		}
	}
	for _, r := range p.results {
		out = append(out, "The tool answered: "+clip(r.text, 300))
	}
	return slices.Clip(out)
}

// clip shortens text to at most n bytes without cutting a character.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return head(text, n) + "…"
}

// head gives at most the first n bytes, and tail at most the last n, without cutting a character.
func head(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func tail(text string, n int) string {
	if len(text) <= n {
		return text
	}
	at := len(text) - n
	for at < len(text) && !utf8.RuneStart(text[at]) {
		at++
	}
	return text[at:]
}
