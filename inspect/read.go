package inspect

import (
	"strings"

	"bulkhead/marking"
)

// read makes what sense it can of a text that looks like a mark: blanks around separators, small letters, words behind
// it and controls that nobody knows are all put up with. ok is false for what only looks like a mark.
func (s *Scanner) read(text string, w word) (label marking.Label, ok bool) {
	if w.is&loose != 0 {
		// All of it must make sense, or it is prose.
		entry := strings.TrimSuffix(text[w.loose+w.skip:], ")")
		if s.entry(strings.TrimPrefix(text[:w.loose], "("), entry) != entry {
			return label, false
		}
		text = text[:w.loose] + "//" + text[w.loose+w.skip:]
	}
	inner := text
	whole := w.is&portion != 0 && strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")")
	if whole {
		inner = text[1 : len(text)-1]
	}
	small := inner != strings.ToUpper(inner)
	up := strings.ToUpper(inner)
	first, rest, _ := strings.Cut(up, "//")
	prefix := strings.Join(strings.FieldsFunc(first, func(r rune) bool { return r == ' ' || r == '-' || r == '_' || r == '\t' }), " ")
	foreign := first == ""
	if foreign {
		first, rest, _ = strings.Cut(rest, "//")
		if prefix = s.owners(first); prefix == "" {
			return label, false
		}
	}
	if prefix == "TOPSECRET" {
		prefix = "TOP SECRET"
	}
	known, strange := 0, 0
	kept := s.segments(prefix, rest, &known, &strange)
	switch {
	case foreign, known > 0:
	case whole && !small && strange > 0 && !strings.HasPrefix(prefix, "U"):
	case w.is&(short|start|cui) == start && !small && strange > 0:
	default:
		return label, false
	}
	form := marking.Banner
	if w.is&(short|portion) != 0 {
		form = marking.Portion
		kept = "(" + kept + ")"
	}
	got := s.register.Parse(kept, form)
	if !got.Levelled {
		return label, false
	}
	return s.register.Label(got.Mark), true
}

// segments takes what it knows from the segments of a mark, and one strange word between separators.
func (s *Scanner) segments(prefix, rest string, known, strange *int) string {
	kept := prefix
	for rest != "" {
		var seg string
		seg, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "//")
		var out []string
		prose := false
		for entry := range strings.SplitSeq(seg, "/") {
			entry = strings.Join(strings.Fields(entry), " ")
			if entry == "" {
				continue
			}
			if *known+*strange == mostEntries {
				return kept
			}
			// TS//SCI is what people write who name no system; it is known to say something and demands what nobody has.
			if entry == "SCI" {
				*known++
				out = append(out, entry)
				continue
			}
			if e := s.entry(kept, entry); e != "" {
				// C//C is too short to say anything by itself.
				if _, level := marking.ParseLevel(e); !level || len(e) > 2 {
					*known++
				}
				out = append(out, e)
				if prose = e != entry; prose {
					break
				}
				continue
			}
			if strings.ContainsAny(entry, " ,") {
				prose = true
				break
			}
			if len(entry) > 2 {
				*strange++
			}
			out = append(out, entry)
		}
		if len(out) > 0 {
			kept += "//" + strings.Join(out, "/")
		}
		if prose {
			break
		}
	}
	return kept
}

// entry is as much of an entry as a mark of this prefix can have, word by word from the end; empty if nothing is known.
func (s *Scanner) entry(prefix, entry string) string {
	without := s.register.Parse(prefix, marking.Banner)
	for e := entry; e != ""; {
		got := s.register.Parse(prefix+"//"+e, marking.Banner)
		if got.Known > without.Known && len(got.Mark.Unknown) == len(without.Mark.Unknown) && !doubtful(got, without) {
			return e
		}
		if len(e) == len(entry) {
			e = firstWords(e, mostWords)
			if len(e) < len(entry) {
				continue
			}
		}
		i := strings.LastIndexAny(e, " ,")
		if i < 0 {
			return ""
		}
		e = strings.TrimRight(e[:i], " ,")
	}
	return ""
}

const (
	// mostEntries and mostWords bound the work on one text that looks like a mark.
	mostEntries = 24
	mostWords   = 8
)

// firstWords is the first n words of s.
func firstWords(s string, n int) string {
	for i := range len(s) {
		if s[i] != ' ' {
			continue
		}
		if n--; n == 0 {
			return strings.TrimRight(s[:i], " ,")
		}
	}
	return s
}

// doubtful reports whether an entry brought a list that is not one: words behind a list of countries are prose.
func doubtful(got, without marking.Reading) bool {
	return count(got, marking.ErrUnknownCountry) > count(without, marking.ErrUnknownCountry) ||
		count(got, marking.ErrSCISyntax) > count(without, marking.ErrSCISyntax) ||
		count(got, marking.ErrListSeparator) > count(without, marking.ErrListSeparator)
}

func count(r marking.Reading, code marking.Code) int {
	n := 0
	for _, f := range r.Errors {
		if f.Code == code {
			n++
		}
	}
	return n
}

// owners is as much of the first segment of a line that is not of the US as says whose it is and its level.
func (s *Scanner) owners(first string) string {
	for e := strings.Join(strings.Fields(first), " "); e != ""; {
		for _, form := range [...]marking.Form{marking.Banner, marking.Portion} {
			t := "//" + e
			if form == marking.Portion {
				t = "(" + t + ")"
			}
			got := s.register.Parse(t, form)
			if got.Levelled && got.Mark.System != marking.US && count(got, marking.ErrUnknownCountry) == 0 &&
				count(got, marking.ErrNoClassification) == 0 && !opaque(got) {
				return "//" + e
			}
		}
		i := strings.LastIndexByte(e, ' ')
		if i < 0 {
			return ""
		}
		e = e[:i]
	}
	return ""
}

// opaque reports whether an owner is no organisation of the table, such as TODO.
func opaque(r marking.Reading) bool {
	for _, f := range r.Warnings {
		if f.Code == marking.WarnUnknownEntry {
			return true
		}
	}
	return false
}
