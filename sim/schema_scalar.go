package sim

import (
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// number makes a number within the bounds of s, from the prompt if one fits.
func (f *filler) number(s object, whole bool) float64 {
	low, hasLow := s.number("minimum")
	high, hasHigh := s.number("maximum")
	openLow, openHigh := false, false
	if x, ok := s.number("exclusiveMinimum"); ok && (!hasLow || x >= low) {
		low, hasLow, openLow = x, true, true
	}
	if x, ok := s.number("exclusiveMaximum"); ok && (!hasHigh || x <= high) {
		high, hasHigh, openHigh = x, true, true
	}
	if b, _ := s.get("exclusiveMinimum"); b == true {
		openLow = true
	}
	if b, _ := s.get("exclusiveMaximum"); b == true {
		openHigh = true
	}
	step, hasStep := s.number("multipleOf")
	fits := func(x float64) bool {
		return !(hasLow && (x < low || openLow && x == low)) && !(hasHigh && (x > high || openHigh && x == high)) &&
			(!whole || x == math.Trunc(x)) && (!hasStep || math.Abs(math.Remainder(x, step)) < 1e-9)
	}
	if n, ok := f.hints.nextNumber(fits); ok {
		return n
	}
	switch {
	case !hasLow && !hasHigh:
		low, high = 0, 100
	case !hasLow:
		low = high - 100
	case !hasHigh:
		high = low + 100
	}
	if whole && !hasStep || whole && step < 1 {
		step = 1
	}
	if step == 0 { // a decimal: two places if the bounds leave room for them
		for range 32 {
			if x := math.Round((low+f.dice.unit()*(high-low))*100) / 100; fits(x) {
				return x
			}
		}
		return (low + high) / 2
	}
	first, last := math.Ceil(low/step), math.Floor(high/step)
	if openLow && first*step == low {
		first++
	}
	if openHigh && last*step == high {
		last--
	}
	return (first + float64(f.dice.below(int(max(1, min(last-first+1, 1<<30)))))) * step
}

// text makes a string of the form and length s asks for.
func (f *filler) text(s object, name string) string {
	least, _ := s.number("minLength")
	most, limited := s.number("maxLength")
	fits := func(t string) bool {
		n := utf8.RuneCountInString(t)
		return n >= int(least) && (!limited || n <= int(most))
	}
	if p := s.text("pattern"); p != "" {
		return f.matching(p, fits)
	}
	if t, ok := f.formatted(s.text("format")); ok {
		return t
	}
	if f.wantsPrompt(name) && fits(f.hints.text) && f.hints.text != "" {
		return f.hints.text
	}
	if t, ok := f.hints.nextString(); ok && fits(t) {
		return t
	}
	t := strings.TrimSpace("simulated " + strings.ReplaceAll(name, "_", " "))
	if name == "" {
		t = sentence(topics(f.hints.text), f.dice)
	}
	for !fits(t) && utf8.RuneCountInString(t) < int(least) {
		t += " " + sentence(nil, f.dice)
	}
	if runes := []rune(t); limited && len(runes) > int(most) {
		t = string(runes[:max(0, int(most))])
	}
	return t
}

// wantsPrompt finds properties that hold what was asked itself.
func (f *filler) wantsPrompt(name string) bool {
	switch strings.ToLower(name) {
	case "query", "question", "prompt", "input", "text", "message", "search_query":
		return len(f.hints.quotes) == 0
	}
	return false
}

func (f *filler) formatted(format string) (string, bool) {
	d := f.dice
	two := func(from, below int) string {
		n := from + d.below(below)
		return string([]byte{byte('0' + n/10), byte('0' + n%10)})
	}
	date := func() string {
		if m := isoDate.FindString(f.hints.text); m != "" {
			return m
		}
		return "20" + two(20, 10) + "-" + two(1, 12) + "-" + two(1, 28)
	}
	clock := func() string { return two(0, 24) + ":" + two(0, 60) + ":" + two(0, 60) + "Z" }
	switch format {
	case "date":
		return date(), true
	case "time":
		return clock(), true
	case "date-time":
		return date() + "T" + clock(), true
	case "duration":
		return "P" + plain(float64(1+d.below(9))) + "D", true
	case "email", "idn-email":
		if m := email.FindString(f.hints.text); m != "" {
			return m, true
		}
		return strings.ToLower(d.letters(6)) + "@agency.example", true
	case "hostname", "idn-hostname":
		return "host" + plain(float64(d.below(100))) + ".agency.example", true
	case "ipv4":
		return "192.0.2." + plain(float64(1+d.below(254))), true
	case "ipv6":
		return "2001:db8::" + d.hex(4), true
	case "uri", "uri-reference", "iri", "iri-reference":
		return "https://agency.example/" + d.hex(6), true
	case "uuid":
		return d.uuid(), true
	case "regex":
		return "^[a-z]+$", true
	case "json-pointer":
		return "/" + d.hex(4), true
	}
	return "", false
}

var (
	isoDate = regexp.MustCompile(`\b[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)\b`)
	email   = regexp.MustCompile(`\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b`)
)

// matching makes a string that a pattern matches, from the prompt if some name or quotation does. WARNING: a pattern
// that Go's syntax lacks (look-around, back references) gives a plain text that need not match.
func (f *filler) matching(pattern string, fits func(string) bool) string {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "simulated"
	}
	for _, t := range append(append([]string{}, f.hints.quotes...), f.hints.entities...) {
		if re.MatchString(t) && fits(t) {
			return t
		}
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "simulated"
	}
	var last string
	for extra := range 64 { // longer and longer, until the length fits too
		var b strings.Builder
		f.expand(&b, tree, extra)
		if last = b.String(); re.MatchString(last) && fits(last) {
			break
		}
	}
	return last
}

// expand writes one text of the pattern, with up to extra repetitions where it leaves them open.
func (f *filler) expand(b *strings.Builder, re *syntax.Regexp, extra int) {
	repeat := func(least int) {
		for range least + extra {
			f.expand(b, re.Sub[0], extra/2)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(f.runeOf(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte(alphanumeric[26+f.dice.below(26)])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			f.expand(b, sub, extra)
		}
	case syntax.OpAlternate:
		f.expand(b, pick(f.dice, re.Sub), extra)
	case syntax.OpPlus:
		repeat(1)
	case syntax.OpStar:
		repeat(0)
	case syntax.OpQuest:
		if extra > 0 && f.dice.below(2) == 1 {
			f.expand(b, re.Sub[0], extra)
		}
	case syntax.OpRepeat:
		n := re.Min + extra
		if re.Max >= 0 {
			n = min(n, re.Max)
		}
		for range n {
			f.expand(b, re.Sub[0], 0)
		}
	}
}

// runeOf throws a character of a class, a printable one if the class has any.
func (f *filler) runeOf(ranges []rune) rune {
	var printable []rune
	for i := 0; i < len(ranges); i += 2 {
		for r := max(ranges[i], ' '); r <= min(ranges[i+1], '~'); r++ {
			printable = append(printable, r)
		}
	}
	if len(printable) == 0 {
		return ranges[0]
	}
	return pick(f.dice, printable)
}
