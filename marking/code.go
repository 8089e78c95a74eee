package marking

import "slices"

// code is a country (three letters) or an organisation (two or four), packed so that numbers order as the letters do.
type code uint32

const (
	usa  = code('U'<<24 | 'S'<<16 | 'A'<<8)
	nato = code('N'<<24 | 'A'<<16 | 'T'<<8 | 'O')
)

func packCode(s string) code {
	var c code
	for i := range 4 {
		c <<= 8
		if i < len(s) {
			c |= code(s[i])
		}
	}
	return c
}

func (c code) String() string {
	b := []byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return string(b)
}

// country reports whether the code has three letters.
func (c code) country() bool { return c&0xff == 0 && c>>8&0xff != 0 }

// orderCodes compares as lists are written: countries before organisations, each alphabetical.
func orderCodes(a, b code) int {
	if ac, bc := a.country(), b.country(); ac != bc {
		if ac {
			return -1
		}
		return 1
	}
	if a < b {
		return -1
	} else if a > b {
		return 1
	}
	return 0
}

func codeStrings(cs []code) []string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = c.String()
	}
	return out
}

// The sets below are sorted slices without repeats. They are never changed once made, so results share what they can.

type ordered interface{ ~string | ~uint32 }

func normal[T ordered](s []T) []T {
	slices.Sort(s)
	return slices.Compact(s)
}

// within reports whether all of a is in b. Comparing for sameness alone is enough in sorted sets, and quicker than for
// order.
func within[T ordered](a, b []T) bool {
	if len(a) > len(b) {
		return false
	}
	j := 0
	for _, x := range a {
		for j < len(b) && b[j] != x {
			j++
		}
		if j == len(b) {
			return false
		}
		j++
	}
	return true
}

func union[T ordered](a, b []T) []T {
	switch {
	case len(a) == 0 || len(a) <= len(b) && within(a, b):
		return b
	case within(b, a):
		return a
	}
	out := make([]T, 0, len(a)+len(b))
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			out = append(out, a[i])
			i++
		case a[i] > b[j]:
			out = append(out, b[j])
			j++
		default:
			out = append(out, a[i])
			i, j = i+1, j+1
		}
	}
	return append(append(out, a[i:]...), b[j:]...)
}

func intersect[T ordered](a, b []T) []T {
	switch {
	case within(a, b):
		return a
	case within(b, a):
		return b
	}
	out := make([]T, 0, min(len(a), len(b)))
	j := 0
	for _, x := range a {
		for j < len(b) && b[j] < x {
			j++
		}
		if j < len(b) && b[j] == x {
			out = append(out, x)
		}
	}
	return out
}

func contains[T ordered](s []T, x T) bool {
	_, ok := slices.BinarySearch(s, x)
	return ok
}

func upperAlpha(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}

func alnum(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// categoryName reports whether s looks like the abbreviation of a CUI category.
func categoryName(s string) bool {
	if len(s) < 2 || len(s) > 24 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
