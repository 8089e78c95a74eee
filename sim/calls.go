package sim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxParallelCalls bounds how many calls one answer makes.
const maxParallelCalls = 8

// chooseCalls decides which tools to call, as the tool choice allows. With auto a tool is called when the last user
// message names it, or has a word of its name that carries meaning, or speaks of "the tool" when there is but one;
// and not when the message was answered by tool results already.
func chooseCalls(req *chatRequest, p prompt, d *dice) []toolCall {
	if len(req.tools) == 0 || req.choice.mode == "none" {
		return nil
	}
	offered := slices.DeleteFunc(slices.Clone(req.tools), func(t tool) bool {
		return len(req.choice.names) > 0 && !slices.Contains(req.choice.names, t.name)
	})
	if len(offered) == 0 {
		return nil
	}
	if len(p.results) > 0 && req.choice.mode == "auto" {
		return nil
	}
	wanted := asked(offered, p)
	if len(wanted) == 0 && req.choice.mode == "required" {
		wanted = offered[:1]
	}
	calls := callsFor(wanted, newHints(p.text), d)
	if !req.parallel && len(calls) > 1 {
		calls = calls[:1]
	}
	return calls
}

func asked(offered []tool, p prompt) []tool {
	if _, told := p.directives["no-tool"]; told {
		return nil
	}
	if name, told := p.directives["tool"]; told {
		return slices.DeleteFunc(slices.Clone(offered), func(t tool) bool { return t.name != name })
	}
	words := map[string]bool{}
	for _, w := range wordPattern.FindAllString(p.text, -1) {
		words[stem(strings.TrimSuffix(strings.ToLower(w), "'s"))] = true
	}
	var out []tool
	for _, t := range offered {
		if strings.Contains(p.text, t.name) || slices.ContainsFunc(nameWords(t.name), func(w string) bool { return words[stem(w)] }) {
			out = append(out, t)
		}
	}
	if len(out) == 0 && len(offered) == 1 && (words["tool"] || words["function"]) {
		out = offered
	}
	return out
}

func stem(w string) string {
	if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
		return w[:len(w)-1]
	}
	return w
}

var camel = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// nameWords are the words of a tool's name that say what it is about: "get_current_weather" gives "weather".
func nameWords(name string) []string {
	var all, out []string
	for _, w := range strings.FieldsFunc(camel.ReplaceAllString(name, "${1}_${2}"), func(r rune) bool { return !unicode.IsLetter(r) }) {
		w = strings.ToLower(w)
		all = append(all, w)
		if len(w) > 2 && w != "args" && w != "time" && !isCommonWord(w) {
			out = append(out, w)
		}
	}
	if len(out) == 0 { // "add", "get_current_time": then its last word is what it has
		out = all[max(0, len(all)-1):]
	}
	return out
}

// callsFor makes the calls: one for each tool, or, when a single tool is wanted and the prompt lists several things
// ("in Paris and Rome"), one for each thing.
func callsFor(wanted []tool, h *hints, d *dice) []toolCall {
	if len(wanted) != 1 {
		var out []toolCall
		for _, t := range wanted[:min(len(wanted), maxParallelCalls)] {
			out = append(out, callOf(t, h, d))
		}
		return out
	}
	t := wanted[0]
	if t.custom || len(h.entities) < 2 || !h.listed || !hasSubject(t.parameters) {
		return []toolCall{callOf(t, h, d)}
	}
	var out []toolCall
	for _, e := range h.entities[:min(len(h.entities), maxParallelCalls)] {
		out = append(out, callOf(t, h.only(e), d))
	}
	return out
}

// hasSubject says whether exactly one required string is open, so that one thing fills it.
func hasSubject(schema object) bool {
	open := 0
	properties := schema.object("properties")
	for _, r := range schema.array("required") {
		name, _ := r.(string)
		p := properties.object(name)
		_, limited := p.get("enum")
		if p.text("type") == "string" && !limited && p.text("format") == "" && p.text("pattern") == "" {
			open++
		}
	}
	return open == 1
}

func callOf(t tool, h *hints, d *dice) toolCall {
	if t.custom {
		return toolCall{name: t.name, custom: true, tokens: Tokens(customInput(t, h))}
	}
	args := any(object{})
	if len(t.parameters) > 0 {
		args = fill(t.parameters, h, d, askedProperties)
	}
	return toolCall{name: t.name, tokens: Tokens(string(encode(args)))}
}

var sum = regexp.MustCompile(`-?\d+(?:\s*[-+*/]\s*\d+)+`)

// customInput is what a free-form tool gets: the sum, the quotation or the text of the prompt. WARNING: a tool's
// grammar is not followed beyond that.
func customInput(t tool, h *hints) string {
	if s := sum.FindString(h.text); s != "" {
		return s
	}
	if t.grammar != "" && len(h.numbers) > 0 {
		var parts []string
		for _, n := range h.numbers {
			parts = append(parts, plain(n))
		}
		return strings.Join(parts, " + ")
	}
	if len(h.quotes) > 0 {
		return h.quotes[0]
	}
	return h.text
}

// hints are what a prompt offers to fill in: names, quotations, numbers, in its order.
type hints struct {
	text     string
	words    map[string]bool
	entities []string
	listed   bool // the entities stand in a list
	quotes   []string
	numbers  []float64

	usedStrings int
	usedNumbers int
}

var (
	quotation  = regexp.MustCompile("\"([^\"]{1,200})\"|“([^”]{1,200})”|`([^`]{1,200})`")
	properName = regexp.MustCompile(`\p{Lu}[\p{L}\p{N}.'-]*(?: \p{Lu}[\p{L}\p{N}'-]*)*(?:, \p{Lu}{2}\b)?`)
	numeral    = regexp.MustCompile(`-?\b\d+(?:\.\d+)?\b`)
	listJoint  = regexp.MustCompile(`^\s*(?:,\s*(?:and\s+|or\s+)?|and\s+|or\s+|versus\s+|vs\.?\s+)$`)
	numberWord = regexp.MustCompile(`(?i)\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)\b`)
)

func newHints(text string) *hints {
	h := &hints{text: text, words: map[string]bool{}}
	for _, w := range wordPattern.FindAllString(text, -1) {
		h.words[strings.ToLower(w)] = true
	}
	for _, q := range quotation.FindAllStringSubmatch(text, 16) {
		h.quotes = append(h.quotes, q[1]+q[2]+q[3])
	}
	for _, n := range numeral.FindAllString(text, 16) {
		if v, err := strconv.ParseFloat(n, 64); err == nil {
			h.numbers = append(h.numbers, v)
		}
	}
	if len(h.numbers) == 0 {
		for _, w := range numberWord.FindAllString(text, 16) {
			h.numbers = append(h.numbers, float64(slices.Index(numberWords(), strings.ToLower(w))))
		}
	}
	h.findEntities(text)
	return h
}

func numberWords() []string {
	return []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
}

// findEntities takes runs of capitalised words, without the common words that begin sentences, for names. Two that
// only a comma joins are one name ("Paris, France"); "and", "or" and longer lists keep them apart.
func (h *hints) findEntities(text string) {
	var spans [][]int
	for _, s := range properName.FindAllStringIndex(text, 32) {
		before := strings.TrimRight(text[:s[0]], " \t")
		begins := before == "" || strings.ContainsAny(before[len(before)-1:], ".!?:\n\"")
		for s[0] < s[1] { // drop common words: "What", "Is Paris", "I"; but mid-sentence keep "New York"
			word, rest, more := strings.Cut(text[s[0]:s[1]], " ")
			if !isCommonWord(strings.ToLower(strings.TrimRight(word, ".,"))) || more && !begins {
				break
			}
			s[0] = s[1] - len(rest)
		}
		if s[0] < s[1] {
			spans = append(spans, s)
		}
	}
	joints := []string{}
	for i := 1; i < len(spans); i++ {
		joints = append(joints, text[spans[i-1][1]:spans[i][0]])
	}
	if len(spans) == 2 && strings.TrimSpace(joints[0]) == "," {
		h.entities = []string{strings.TrimRight(text[spans[0][0]:spans[1][1]], ".'-")}
		return
	}
	for i, s := range spans {
		h.entities = append(h.entities, strings.TrimRight(text[s[0]:s[1]], ".'-"))
		if i > 0 && listJoint.MatchString(joints[i-1]) {
			h.listed = true
		}
	}
}

// only returns hints whose one name is e.
func (h *hints) only(e string) *hints {
	one := *h
	one.entities, one.quotes, one.usedStrings, one.usedNumbers = []string{e}, nil, 0, 0
	return &one
}

// nextString gives the next name, or else the next quotation, that was not used yet.
func (h *hints) nextString() (string, bool) {
	all := append(slices.Clone(h.entities), h.quotes...)
	if h.usedStrings >= len(all) {
		return "", false
	}
	h.usedStrings++
	return all[h.usedStrings-1], true
}

// nextNumber gives the next unused number that fits.
func (h *hints) nextNumber(fits func(float64) bool) (float64, bool) {
	for ; h.usedNumbers < len(h.numbers); h.usedNumbers++ {
		if n := h.numbers[h.usedNumbers]; fits(n) {
			h.usedNumbers++
			return n, true
		}
	}
	return 0, false
}
