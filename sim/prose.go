package sim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxWords bounds what a prompt can ask for.
const maxWords = 20000

var (
	sayExactly = regexp.MustCompile(`(?i)\b(?:say|repeat|echo|reply with|answer with)(?:\s+exactly|\s+this|\s+the following)?\s*:\s*`)
	atMost     = regexp.MustCompile(`(?i)\b(?:in )?(?:up to|at most|no more than) (\d+) words\b`)
	exactly    = regexp.MustCompile(`(?i)\b(\d+)[ -]words?\b`)
)

// prose answers in text. It says word for word what it is told to say ("say: …"), in as many words as it is told to
// use ("in 200 words", "up to 5 words"), and otherwise a few sentences about the prompt.
func prose(req *chatRequest, p prompt, d *dice) string {
	if at := sayExactly.FindStringIndex(head(p.full, lookedAtFirst)); at != nil && len(p.results) == 0 && at[1] < len(p.full) {
		return p.full[at[1]:]
	}
	about := topics(p.text)
	sentences := p.heard()
	if len(p.results) == 0 {
		sentences = append([]string{opening(about)}, sentences...)
	}
	count := map[string]int{"low": 0, "high": 6}
	more, ok := count[req.verbosity]
	if !ok {
		more = 1 + d.below(3)
	}
	for range more {
		sentences = append(sentences, sentence(about, d))
	}
	if n, exact, ok := wantedWords(p); ok {
		for exact && len(strings.Fields(strings.Join(sentences, " "))) < n {
			sentences = append(sentences, sentence(about, d))
		}
		words := strings.Fields(strings.Join(sentences, " "))
		if len(words) > n {
			return strings.TrimRight(strings.Join(words[:n], " "), ",;.") + "."
		}
		return strings.Join(words, " ")
	}
	return strings.Join(sentences, " ")
}

func wantedWords(p prompt) (n int, exact, ok bool) {
	read := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return maxWords
		}
		return min(max(n, 1), maxWords)
	}
	if told, ok := p.directives["words"]; ok {
		return read(told), true, true
	}
	if m := atMost.FindStringSubmatch(p.text); m != nil {
		return read(m[1]), false, true
	}
	if m := exactly.FindStringSubmatch(p.text); m != nil {
		return read(m[1]), true, true
	}
	return 0, false, false
}

func opening(about []string) string {
	return "This is a simulated answer about " + enumerate(about) + "."
}

func enumerate(words []string) string {
	switch len(words) {
	case 0:
		return "your message"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
	}
}

var wordPattern = regexp.MustCompile(`[\p{L}\p{N}][\p{L}\p{N}'-]*`)

// topics are up to four words of the text that carry meaning, in its order.
func topics(text string) []string {
	out := []string{}
	for _, w := range wordPattern.FindAllString(text, 400) {
		low := strings.ToLower(w)
		if len(w) < 3 || isCommonWord(low) || slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, w) }) {
			continue
		}
		if out = append(out, clip(w, 40)); len(out) == 4 {
			break
		}
	}
	return out
}

// sentence is one plain sentence, about one of the topics if there are any.
func sentence(about []string, d *dice) string {
	subject := "The question"
	if len(about) > 0 {
		subject = "What you ask about " + pick(d, about)
	}
	verb := pick(d, []string{"depends on", "begins with", "is best seen beside", "follows from", "should be checked against", "rests on"})
	what := pick(d, []string{"the facts at hand", "a few simple rules", "what was agreed before", "the records of the office", "plain measurements", "the people it serves"})
	tail := pick(d, []string{"", "", ", and little else", ", as a rule", ", though not always", ", which takes some care"})
	return subject + " " + verb + " " + what + tail + "."
}

// isCommonWord finds words that say nothing of what a text is about; in lower case.
func isCommonWord(w string) bool {
	const common = " a about above after again all also am an and any are as ask at be because been before being best but by call can " +
		"could current describe did do does each exactly few find following for from function functions get give go good had has have hello " +
		"help her here hers hi him his how i i'd i'll i'm if in input into is it it's its just know let let's like list look make " +
		"many may me more most much must my name need new no not now of off on one only or other our out over please put reply return " +
		"right said same say see set she should show so solve some something such take tell than thank thanks that that's the their them then " +
		"there these they this those time to today today's tool tools too up us use using very was way we well were what what's when where " +
		"which who whom why will with word words would write year yes you you're your hey answer compare check explain look run create update send add today tomorrow " +
		"january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday "
	return strings.Contains(common, " "+w+" ")
}
