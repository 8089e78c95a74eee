package estate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"bulkhead/money"
)

// text is a scalar that YAML reads as text. V is empty if it had a fault.
type text struct {
	at
	V string
}

func (t *text) read(r *reader, n *yaml.Node, f field) {
	t.at = place(n)
	hush := f.hush || (f.form != "" && formOf(f.form).hush)
	if !isText(n) {
		hint := "write text"
		if n.Kind == yaml.ScalarNode && !hush {
			hint = "put it in quotes: \"" + n.Value + "\""
		}
		r.wrongType(n, f, "text", hint)
		return
	}
	if problem, hint := r.checkText(n.Value, f); problem != "" {
		code := Impossible
		switch {
		case len(f.enum) > 0 && n.Value != "":
			code = NotAllowed
		case f.form == "secret":
			code = Literal
		}
		shown := ""
		if n.Value != "" && !hush {
			shown = " " + quoted(n.Value)
		}
		r.fault(t.at, code, hint, "%q:%s %s", f.key, shown, problem)
		return
	}
	t.V = n.Value
}

// checkText says what is wrong with a text for a field, and what to write.
func (r *reader) checkText(s string, f field) (problem, hint string) {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty", "write " + lowerFirst(f.doc)
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return "has a control character", "write plain text"
	case len(f.enum) > 0:
		for _, word := range f.enum {
			if s == word {
				return "", ""
			}
		}
		hint = "write " + oneOf(f.enum)
		if near := nearest(s, f.enum); near != "" {
			hint = fmt.Sprintf("did you mean %q? allowed: %s", near, oneOf(f.enum))
		}
		return "is not among the allowed words", hint
	case f.form != "":
		return formOf(f.form).check(r.tables, s)
	}
	return "", ""
}

func (t *text) schema(f field) map[string]any {
	s := map[string]any{"type": "string"}
	switch {
	case len(f.enum) > 0:
		s["enum"] = f.enum
	case f.form != "":
		s["pattern"] = formOf(f.form).pattern
	default:
		s["pattern"] = `\S`
	}
	return described(f, s)
}

// date is a day, YYYY-MM-DD, as UTC midnight.
type date struct {
	at
	V time.Time
}

func (d *date) read(r *reader, n *yaml.Node, f field) {
	d.at = place(n)
	if !isText(n) {
		r.wrongType(n, f, "a date", "write a date such as 2026-10-01")
		return
	}
	t, err := time.Parse(time.DateOnly, n.Value)
	switch {
	case err != nil || len(n.Value) != len(time.DateOnly):
		r.fault(d.at, Impossible, "write a date such as 2026-10-01", "%q: %s is not a day of the calendar", f.key, quoted(n.Value))
	case t.Year() < 1900:
		r.fault(d.at, Impossible, "write a year from 1900 on", "%q: %s is too long ago", f.key, quoted(n.Value))
	default:
		d.V = t
	}
}

func (d *date) schema(f field) map[string]any {
	return described(f, map[string]any{"type": "string", "format": "date", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`})
}

// duration is a span of time such as 120s or 30m, above zero.
type duration struct {
	at
	V time.Duration
}

var durationPattern = regexp.MustCompile(`^([0-9]+(ms|s|m|h))+$`)

func (d *duration) read(r *reader, n *yaml.Node, f field) {
	d.at = place(n)
	const hint = "write a duration above zero such as 120s or 30m"
	if !isText(n) {
		better := hint
		if n.Tag == "!!int" && isPlainNumber(n.Value) && n.Value[0] != '-' {
			better = "write its unit: " + n.Value + "s"
		}
		r.wrongType(n, f, "a duration", better)
		return
	}
	v, err := time.ParseDuration(n.Value)
	if !durationPattern.MatchString(n.Value) || err != nil || v <= 0 {
		r.fault(d.at, Impossible, hint, "%q: %s is not a possible duration", f.key, quoted(n.Value))
		return
	}
	d.V = v
}

func (d *duration) schema(f field) map[string]any {
	return described(f, map[string]any{"type": "string", "pattern": durationPattern.String()})
}

// size is a number of bytes such as 32MiB, above zero.
type size struct {
	at
	V int64
}

var sizePattern = regexp.MustCompile(`^([1-9][0-9]*)(B|KiB|MiB|GiB)$`)

func (s *size) read(r *reader, n *yaml.Node, f field) {
	s.at = place(n)
	const hint = "write a size such as 512KiB or 32MiB"
	if !isText(n) {
		r.wrongType(n, f, "a size", hint)
		return
	}
	unit := map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
	m := sizePattern.FindStringSubmatch(n.Value)
	if m == nil {
		r.fault(s.at, Impossible, hint, "%q: %s is not a size", f.key, quoted(n.Value))
		return
	}
	count, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || count > (1<<40)/unit[m[2]] {
		r.fault(s.at, Impossible, hint, "%q: %s is more than 1024GiB", f.key, quoted(n.Value))
		return
	}
	s.V = count * unit[m[2]]
}

func (s *size) schema(f field) map[string]any {
	return described(f, map[string]any{"type": "string", "pattern": sizePattern.String()})
}

// amount is money in US dollars, read from the digits as they were written.
type amount struct {
	at
	V money.Amount
}

func (a *amount) read(r *reader, n *yaml.Node, f field) {
	a.at = place(n)
	const hint = "write a plain decimal such as 1.25, without quotes"
	if n.Kind != yaml.ScalarNode || (n.Tag != "!!int" && n.Tag != "!!float") {
		r.wrongType(n, f, "an amount", hint)
		return
	}
	v, err := money.Parse(n.Value)
	switch {
	case err != nil || !isPlainNumber(n.Value):
		r.fault(a.at, Impossible, "write a plain decimal such as 1.25, with six decimals at most", "%q: %s is not an amount that can be held exactly", f.key, quoted(n.Value))
	case v < 0:
		r.fault(a.at, Impossible, "write zero or more", "%q: %s is below zero", f.key, quoted(n.Value))
	default:
		a.V = v
	}
}

func (a *amount) schema(f field) map[string]any {
	return described(f, map[string]any{"type": "number", "minimum": 0})
}

// whole is a whole number from the field's min on.
type whole struct {
	at
	V int64
}

func (w *whole) read(r *reader, n *yaml.Node, f field) {
	w.at = place(n)
	hint := fmt.Sprintf("write a whole number from %d on", f.min)
	if f.max > 0 {
		hint = fmt.Sprintf("write a whole number from %d to %d", f.min, f.max)
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
		r.wrongType(n, f, "a whole number", hint)
		return
	}
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || !isPlainNumber(n.Value) || v < f.min || (f.max > 0 && v > f.max) {
		r.fault(w.at, Impossible, hint, "%q: %s is not a possible number", f.key, quoted(n.Value))
		return
	}
	w.V = v
}

func (w *whole) schema(f field) map[string]any {
	s := map[string]any{"type": "integer", "minimum": f.min}
	if f.max > 0 {
		s["maximum"] = f.max
	}
	return described(f, s)
}

// truth is true or false.
type truth struct {
	at
	V bool
}

func (b *truth) read(r *reader, n *yaml.Node, f field) {
	b.at = place(n)
	if n.Kind == yaml.ScalarNode && (n.Value == "true" || n.Value == "false") && n.Tag == "!!bool" {
		b.V = n.Value == "true"
		return
	}
	r.notBoolean(n, f, "true or false")
}

func (r *reader) notBoolean(n *yaml.Node, f field, want string) {
	hint := "write " + want + ", without quotes"
	if n.Kind == yaml.ScalarNode && !f.hush {
		switch strings.ToLower(n.Value) {
		case "yes", "y", "on", "true":
			hint = "write true"
		case "no", "n", "off", "false":
			hint = "write false"
		}
	}
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" && !f.hush {
		r.fault(place(n), WrongType, hint, "%q: %s is not %s", f.key, quoted(n.Value), want)
		return
	}
	r.wrongType(n, f, want, hint)
}

func (b *truth) schema(f field) map[string]any {
	return described(f, map[string]any{"type": "boolean"})
}

// stated is true, false or unknown; V is the word, empty for unknown.
type stated struct {
	at
	V string
}

func (s *stated) read(r *reader, n *yaml.Node, f field) {
	s.at = place(n)
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!bool" && (n.Value == "true" || n.Value == "false"):
		s.V = n.Value
	case isText(n) && n.Value == "unknown":
	default:
		r.notBoolean(n, f, "true, false or unknown")
	}
}

func (s *stated) schema(f field) map[string]any {
	return described(f, map[string]any{"enum": []any{true, false, "unknown"}})
}
