package openai

import (
	"slices"
	"strconv"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// broken is the fault of a reply that is not what it should be.
func broken(format string, args ...any) *fault.Fault {
	return fault.New(fault.UpstreamError, "The vendor's reply cannot be read: "+format, args...)
}

// Reply reads a chat completion.
func (Client) Reply(body []byte, s *wire.Scanner, to *dialects.Upstream) (*chat.Reply, error) {
	s.Reset(body)
	s.Lenient = true // as on the relay lane: the last of two names counts
	r := &chat.Reply{}
	u := unary{s: s, family: to.Family}
	failed := false
	if s.Next() == wire.Object && s.Object() {
		for name := s.Name(); name != nil; name = s.Name() {
			kind := s.Next()
			switch {
			case kind == wire.Null:
				s.Skip()
			case string(name) == "error":
				failed = true
				s.Skip()
			case kind == wire.Array && string(name) == "choices":
				s.Array()
				for s.Element() {
					u.choice()
				}
			case kind == wire.Object && string(name) == "usage":
				var usage chat.Usage
				if readUsage(s, &usage) {
					r.Usage = &usage
				}
			default:
				head(s, string(name), kind, r)
			}
		}
	} else {
		s.Skip()
	}
	if err := s.End(); err != nil {
		return nil, broken("it is no JSON object.").Because(err)
	}
	if failed && len(u.choices) == 0 {
		return nil, Client{}.Fault(0, nil, body)
	}
	var err error
	r.Choices, err = u.whole(r.ID)
	return r, err
}

// head reads a member that says what the reply is.
func head(s *wire.Scanner, name string, kind wire.Kind, r *chat.Reply) {
	switch {
	case name == "object":
		s.Skip()
	case kind == wire.String && name == "id":
		r.ID = textOf(s)
	case kind == wire.String && name == "model":
		r.Model = textOf(s)
	case kind == wire.String && name == "service_tier":
		r.Tier = textOf(s)
	case kind == wire.String && name == "system_fingerprint":
		r.Fingerprint = textOf(s)
	case kind == wire.Number && name == "created":
		r.Created = created(s)
	default:
		keep(s, &r.Extra, rootTaken, "", name)
	}
}

// created reads a time in Unix seconds, which some servers give with decimals.
func created(s *wire.Scanner) int64 {
	f, ok := chat.Number(s.Slice(s.Skip())).Float()
	if !ok || f < 0 || f > 1<<40 {
		return 0
	}
	return int64(f)
}

// copied copies the value next as it was written.
func copied(s *wire.Scanner) chat.Raw { return append(chat.Raw(nil), s.Slice(s.Skip())...) }

// The names that this package writes at each level of a reply.
const (
	rootTaken    = " id object created model choices usage service_tier system_fingerprint error "
	choiceTaken  = " index message delta logprobs finish_reason "
	messageTaken = " role content reasoning_content refusal tool_calls annotations audio "
	callTaken    = " index id type function custom extra_content "
	soundTaken   = " id data transcript "
	usageTaken   = " prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details "
)

// keep reads the value next as a field of the dialect's own. A reply is read
// leniently: a name that comes again replaces, and what no strict reader would
// take, or has the name of something else, is left out.
func keep(s *wire.Scanner, to *chat.Extra, taken, under, name string) {
	raw := copied(s)
	if s.Failed() || strings.Contains(taken, " "+name+" ") || strings.Contains(name, ".") || !raw.IsValid() {
		return
	}
	put(to, under+name, raw)
}

// put sets a field of the dialect's own.
func put(to *chat.Extra, name string, value chat.Raw) {
	for i := range *to {
		if (*to)[i].Name == name {
			(*to)[i].Value = value
			return
		}
	}
	*to = append(*to, chat.Field{Dialect: own, Name: name, Value: value})
}

// unary reads the choices of a unary reply.
type unary struct {
	s       *wire.Scanner
	family  string
	choices []choiceIn
}

type choiceIn struct {
	index          int
	word           string
	parts          []chat.Part
	ending         chat.Ending
	cites          []chat.Citation
	said, declined []chat.Logprob
}

func (u *unary) choice() {
	s := u.s
	c := choiceIn{index: len(u.choices)}
	if s.Next() != wire.Object {
		s.Skip()
		return
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Null:
			s.Skip()
		case kind == wire.Number && string(name) == "index":
			if n, ok := tokens(s); ok && n < 1<<16 {
				c.index = int(n)
			}
		case kind == wire.String && string(name) == "finish_reason":
			c.word = textOf(s)
		case kind == wire.Object && string(name) == "message":
			u.message(&c)
		case kind == wire.Object && string(name) == "logprobs":
			c.said, c.declined = readLogprobs(s, nil, nil)
		default:
			keep(s, &c.ending.Extra, choiceTaken, "", string(name))
		}
	}
	u.choices = append(u.choices, c)
}

// message reads what a choice says, in the order of the hub: reasoning, text,
// refusal, sound, calls.
func (u *unary) message(c *choiceIn) {
	s := u.s
	var reasoning, said, declined, spoken, calls []chat.Part
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.Null || string(name) == "role":
			s.Skip()
		case kind == wire.String && string(name) == "content":
			if text := textOf(s); text != "" {
				said = append(said, chat.Say(text))
			}
		case kind == wire.Array && string(name) == "content":
			r, t := u.blocks()
			reasoning, said = append(reasoning, r...), append(said, t...)
		case kind == wire.String && (string(name) == "reasoning_content" || string(name) == "reasoning"):
			if text := textOf(s); text != "" && len(reasoning) == 0 {
				reasoning = append(reasoning, chat.Part{Content: chat.Reasoning{Text: text}})
			}
		case kind == wire.String && string(name) == "refusal":
			if text := textOf(s); text != "" {
				declined = append(declined, chat.Part{Content: chat.Refusal{Text: text}})
			}
		case kind == wire.Array && string(name) == "annotations":
			c.cites = annotations(s, c.cites)
		case kind == wire.Array && string(name) == "tool_calls":
			s.Array()
			for s.Element() {
				calls = append(calls, u.call())
			}
		case kind == wire.Object && string(name) == "function_call":
			var call chat.ToolCall
			called(s, &call, "arguments")
			calls = append(calls, chat.Part{Content: call})
		case kind == wire.Object && string(name) == "audio":
			spoken = append(spoken, sound(s))
		default:
			keep(s, &c.ending.Extra, messageTaken, "message.", string(name))
		}
	}
	c.parts = slices.Concat(reasoning, said, declined, spoken, calls)
}

// blocks reads content that is a list, as some compatible servers give it.
func (u *unary) blocks() (reasoning, said []chat.Part) {
	s := u.s
	s.Array()
	for s.Element() {
		if s.Next() != wire.Object {
			s.Skip()
			continue
		}
		var typ, text string
		at := s.Pos()
		s.Object()
		for name := s.Name(); name != nil; name = s.Name() {
			kind := s.Next()
			switch {
			case kind == wire.String && string(name) == "type":
				typ = textOf(s)
			case kind == wire.String && (string(name) == "text" || string(name) == "thinking"):
				text = textOf(s)
			case kind == wire.Array && string(name) == "thinking":
				_, parts := u.blocks()
				text, _ = chat.Plain(parts)
			default:
				s.Skip()
			}
		}
		switch {
		case text != "" && typ == "thinking":
			reasoning = append(reasoning, chat.Part{Content: chat.Reasoning{Text: text}})
		case text != "":
			said = append(said, chat.Say(text))
		case typ != "text" && typ != "thinking" && !s.Failed():
			whole := strings.TrimSpace(string(s.Slice(wire.Span{Start: at, End: s.Pos()})))
			said = append(said, chat.Part{Content: chat.Native{Dialect: own, Type: typ, Value: chat.Raw(whole)}})
		}
	}
	return reasoning, said
}

// call reads one call of a tool.
func (u *unary) call() chat.Part {
	s := u.s
	var p chat.Part
	var c chat.ToolCall
	if s.Next() != wire.Object {
		s.Skip()
		return chat.Part{Content: c}
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.String && string(name) == "id":
			c.ID = textOf(s)
		case kind == wire.Object && string(name) == "function":
			called(s, &c, "arguments")
		case kind == wire.Object && string(name) == "custom":
			c.Custom = true
			called(s, &c, "input")
		case string(name) == "extra_content":
			if p.State = signed(s, &p.Extra); p.State != nil {
				p.State.Minter = u.family
			}
		case kind == wire.Null || string(name) == "type" || string(name) == "index":
			s.Skip()
		default:
			keep(s, &p.Extra, callTaken, "", string(name))
		}
	}
	p.Content = c
	return p
}

// signed reads Google's extension of a call: a signature, or else a field of
// the call's own.
func signed(s *wire.Scanner, extra *chat.Extra) *chat.State {
	raw := copied(s)
	state := signature(raw)
	if state == nil && raw.IsValid() {
		put(extra, "extra_content", raw)
	}
	return state
}

// called reads name and arguments of a call; some servers give arguments as an
// object, which is taken as it was written.
func called(s *wire.Scanner, c *chat.ToolCall, input string) {
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.String && string(name) == "name":
			c.Name = textOf(s)
		case kind == wire.String && string(name) == input:
			c.Arguments = textOf(s)
		case kind == wire.Object && string(name) == input:
			c.Arguments = string(s.Slice(s.Skip()))
		default:
			s.Skip()
		}
	}
}

// sound reads a spoken reply; the id under which the vendor keeps it is the part's item.
func sound(s *wire.Scanner) chat.Part {
	p := chat.Part{}
	m := chat.Media{Medium: chat.Audio}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.String && string(name) == "id":
			p.Item = textOf(s)
		case kind == wire.String && string(name) == "data":
			m.Data = textOf(s)
		case kind == wire.String && string(name) == "transcript":
			m.Transcript = textOf(s)
		case kind == wire.Null:
			s.Skip()
		default:
			keep(s, &p.Extra, soundTaken, "", string(name))
		}
	}
	p.Content = m
	return p
}

// annotations reads what a text cites.
func annotations(s *wire.Scanner, out []chat.Citation) []chat.Citation {
	s.Array()
	for s.Element() {
		if s.Next() != wire.Object {
			s.Skip()
			continue
		}
		at := s.Pos()
		c := chat.Citation{Kind: chat.CiteOther}
		typ := ""
		s.Object()
		for name := s.Name(); name != nil; name = s.Name() {
			kind := s.Next()
			switch {
			case kind == wire.String && string(name) == "type":
				typ = textOf(s)
			case kind == wire.Object && string(name) == "url_citation":
				c.Kind = chat.CiteURL
				urlCitation(s, &c)
			default:
				s.Skip()
			}
		}
		if c.Kind == chat.CiteOther && !s.Failed() {
			whole := strings.TrimSpace(string(s.Slice(wire.Span{Start: at, End: s.Pos()})))
			c.Native = &chat.Field{Dialect: own, Name: typ, Value: chat.Raw(whole)}
		}
		out = append(out, c)
	}
	return out
}

func urlCitation(s *wire.Scanner, c *chat.Citation) {
	var span chat.Range
	has := false
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		kind := s.Next()
		switch {
		case kind == wire.String && string(name) == "url":
			c.URL = textOf(s)
		case kind == wire.String && string(name) == "title":
			c.Title = textOf(s)
		case kind == wire.Number && string(name) == "start_index":
			span.Start, has = tokens(s)
		case kind == wire.Number && string(name) == "end_index":
			span.End, has = tokens(s)
		default:
			s.Skip()
		}
	}
	if has {
		c.Span = &span
	}
}

// whole puts the choices in order and gives every call an id of its own.
func (u *unary) whole(id string) ([]chat.Choice, error) {
	slices.SortStableFunc(u.choices, func(a, b choiceIn) int { return a.index - b.index })
	var out []chat.Choice
	ids := idBook{seed: id}
	for i := range u.choices {
		c := &u.choices[i]
		if c.index != i {
			return nil, broken("its choices are not numbered 0, 1, 2…")
		}
		called, refused := false, false
		for k := range c.parts {
			switch x := c.parts[k].Content.(type) {
			case chat.ToolCall:
				if x.Name == "" {
					return nil, broken("a call names no tool.")
				}
				called = true
				x.ID = ids.own(x.ID)
				c.parts[k].Content = x
			case chat.Refusal:
				refused = true
				x.Logprobs, c.declined = c.declined, nil
				c.parts[k].Content = x
			case chat.Text:
				x.Citations, c.cites = c.cites, nil
				x.Logprobs, c.said = c.said, nil
				c.parts[k].Content = x
			}
		}
		e := endingOf(c.word, called, refused)
		e.Extra = c.ending.Extra
		out = append(out, chat.Choice{Parts: c.parts, Ending: e})
	}
	if len(out) == 0 {
		return nil, broken("it has no choices.")
	}
	return out, nil
}

// idBook gives every call of a reply an id of its own: some compatible servers
// give none, or one to several.
type idBook struct {
	seed string
	seen map[string]bool
}

func (b *idBook) own(id string) string {
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	for n := len(b.seen); id == "" || b.seen[id]; n++ {
		id = chat.FitID(b.seed + "#" + strconv.Itoa(n)) // never fits, and so is a hash
	}
	b.seen[id] = true
	return id
}

// endingOf gives the hub's reason for a finish reason. "stop" after a call (as
// where the choice of the tool was forced) or a refusal says less than is known.
func endingOf(word string, called, refused bool) chat.Ending {
	e := chat.Ending{Reason: chat.ReasonStop}
	switch word {
	case "stop", "":
	case "length":
		e.Reason = chat.ReasonLength
	case "tool_calls":
		e.Reason = chat.ReasonTool
	case "function_call":
		e.Reason, e.Said = chat.ReasonTool, word
	case "content_filter":
		e.Reason = chat.ReasonFilter
	case "error":
		e.Reason, e.Said = chat.ReasonBroken, word
	default:
		e.Said = word
	}
	switch {
	case e.Reason != chat.ReasonStop:
	case called:
		e.Reason = chat.ReasonTool
	case refused:
		e.Reason = chat.ReasonRefusal
	}
	return e
}
