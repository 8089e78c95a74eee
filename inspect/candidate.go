package inspect

// candidate looks at the double slash at i: is it inside a mark? If so it is noted. It returns where to go on.
func (s *Scanner) candidate(v *view, i int) int {
	t := v.text
	after := i + 2
	if i > 0 && t[i-1] == ':' {
		if after < len(t) && t[after] >= 'A' && t[after] <= 'Z' {
			return s.foreign(v, i) // Marking://NATO SECRET
		}
		return after // the address of a page
	}
	w, ok := levelBefore(t, i)
	if !ok {
		if hidden(t, i) {
			v.unseen = true
		}
		return s.foreign(v, i)
	}
	end := forward(t, after)
	if end < len(t) && control[t[end]] {
		v.unseen = true
	}
	if end == after {
		return after
	}
	if w.is&portion != 0 && end < len(t) && t[end] == ')' {
		s.take(v, w.lo-1, end+1, w)
		return end + 1
	}
	s.take(v, w.lo, end, w)
	// Another mark may stand in what was taken along; the slashes of this one are harmless to look at again.
	return after
}

// hidden reports whether a control character stands before i where a level would be read.
func hidden(t []byte, i int) bool {
	for n := 0; i > 0 && n < 16; n++ {
		if i--; control[t[i]] {
			return true
		}
		if !letter(t[i]) && t[i] != ' ' {
			return false
		}
	}
	return false
}

// word is a classification read backwards from a separator.
type word struct {
	lo    int
	is    shape
	loose uint8 // where something else stands for two slashes, if it is loose
	skip  uint8 // how long that is
}

// levelBefore reads the classification that ends before i, blanks between allowed.
func levelBefore(t []byte, i int) (word, bool) {
	if i >= 2 && t[i-2] == '(' && (t[i-1] == 'S' || t[i-1] == 'C' || t[i-1] == 'U') {
		return word{lo: i - 1, is: portion | short}, true // the most frequent by far
	}
	end := i
	for end > 0 && i-end < 3 && (t[end-1] == ' ' || t[end-1] == '\t') {
		end--
	}
	lo := end
	for lo > 0 && end-lo < 13 && letter(t[lo-1]) {
		lo--
	}
	w := word{lo: lo}
	name := t[lo:end]
	if len(name) == 0 {
		return w, false
	}
	small := false
	for _, c := range name {
		small = small || c >= 'a'
	}
	switch len(name) {
	case 1:
		w.is = short
		c := name[0]
		if small && lo > 0 && t[lo-1] == '(' {
			c -= 'a' - 'A' // (s//nf) is as good as a mark; s//nf is a line of sed
		}
		if c != 'S' && c != 'C' && c != 'U' && (c != 'R' || lo == 0 || t[lo-1] != '(') {
			return w, false
		}
	case 2:
		w.is = short
		if !folded(name, "TS") || small && (lo == 0 || t[lo-1] != '(') {
			return w, false
		}
	case 3:
		if !folded(name, "CUI") {
			return w, false
		}
		w.is = cui
	case 6:
		if !folded(name, "SECRET") {
			return w, false
		}
		w.lo = withTop(t, lo)
	case 9:
		if !folded(name, "TOPSECRET") {
			return w, false
		}
	case 10:
		if folded(name, "CONTROLLED") {
			w.is = cui
		} else if !folded(name, "RESTRICTED") {
			return w, false
		}
	case 12:
		if !folded(name, "CONFIDENTIAL") && !folded(name, "UNCLASSIFIED") {
			return w, false
		}
	default:
		return w, false
	}
	if w.lo == 0 || t[w.lo-1] == '\n' {
		w.is |= start
		return w, true
	}
	edge := w.lo
	for edge > 0 && w.lo-edge < 3 && t[edge-1] == '_' {
		edge-- // __SECRET//NOFORN__ is emphasis, MY_SECRET a name
	}
	if edge == 0 {
		w.is |= start
		return w, true
	}
	switch before := t[edge-1]; {
	case before == '(' || before == '[':
		if before == '(' {
			w.is |= portion
		}
	case letter(before), before >= '0' && before <= '9', before == '_':
		return w, false
	case (w.is&short != 0 || small) && (before == '/' || before == '.' || before == '-' || before == '\\' || before == '@' || before == '%'):
		return w, false
	}
	return w, true
}

// withTop takes TOP before SECRET along, however it is joined.
func withTop(t []byte, lo int) int {
	i := lo
	for i > 0 && lo-i < 3 && (t[i-1] == ' ' || t[i-1] == '-' || t[i-1] == '_' || t[i-1] == '\t') {
		i--
	}
	if i < lo && i >= 3 && folded(t[i-3:i], "TOP") && (i == 3 || !letter(t[i-4])) {
		return i - 3
	}
	return lo
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// folded reports whether b is the capital word s, however written.
func folded(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(s) {
		if b[i]&^0x20 != s[i] {
			return false
		}
	}
	return true
}

// markBytes is the longest mark that is read.
const markBytes = 240

// class says of a byte whether a mark may have it: capitals and the like, or small letters.
var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ' ', c == ',', c == '/', c == '-', c == '\t':
			t[c] = 1
		case c >= 'a' && c <= 'z':
			t[c] = 2
		}
	}
	return t
}()

// forward finds where what may belong to a mark ends. In capitals it ends before the first word with a small letter,
// unless the first word is itself written small.
func forward(t []byte, lo int) int {
	most := min(len(t), lo+markBytes)
	first := lo
	for first < most && (t[first] == ' ' || t[first] == '/' || t[first] == '\t') {
		first++
	}
	if first == most || first-lo > 4 {
		return lo
	}
	allow := uint8(1)
	i := first
	for ; i < most && letter(t[i]); i++ {
		if t[i] >= 'a' {
			allow = 2
		}
	}
	for i < most {
		k := class[t[i]]
		if k == 0 || k > allow {
			break
		}
		i++
	}
	if i < len(t) && (class[t[i]] == 2 || i == most) {
		// The last word is not whole.
		for i > first && t[i-1] != ' ' && t[i-1] != '/' && t[i-1] != ',' {
			i--
		}
	}
	for i > first && (t[i-1] == ' ' || t[i-1] == ',' || t[i-1] == '-' || t[i-1] == '\t' || t[i-1] == '/') {
		i--
	}
	return max(i, lo)
}

// foreign looks at a double slash that no US classification stands before: //NATO SECRET, (//GBR S), //JOINT ...
func (s *Scanner) foreign(v *view, i int) int {
	t := v.text
	after := i + 2
	if after >= len(t) || t[after] < 'A' || t[after] > 'Z' {
		return after
	}
	lo := i
	w, address := word{}, false
	if i > 0 {
		switch t[i-1] {
		case ':':
			address = true
		case '(':
			w.is = portion
		case '\n':
			w.is = start
		case ' ', '\t', '"', '\'', '[', '>', '*':
		default:
			return after
		}
	} else {
		w.is = start
	}
	n := after
	for n < len(t) && n-after < 8 && (t[n] >= 'A' && t[n] <= 'Z' || t[n] == '-') {
		n++
	}
	switch string(t[after:n]) {
	case "NU", "NR", "NC", "NS", "CTS", "NCA", "NSAT", "CTSA", "CTS-B", "CTS-BALK", "NATO", "COSMIC", "JOINT", "FGI":
		if address && string(t[after:n]) != "NATO" && string(t[after:n]) != "COSMIC" && string(t[after:n]) != "JOINT" {
			return after
		}
	default:
		// A country, with a level behind it.
		if n-after < 2 || n-after > 4 || n == len(t) || t[n] != ' ' {
			return after
		}
	}
	end := forward(t, after)
	if end == after {
		return after
	}
	if w.is&portion != 0 && end < len(t) && t[end] == ')' {
		lo, end = lo-1, end+1
	}
	s.take(v, lo, end, w)
	return after
}
