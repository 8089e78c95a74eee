package inspect

import "unicode/utf8"

// fold appends src to dst with disguises taken off: escapes of JSON at any depth, full-width and mathematical letters,
// look-alikes of other alphabets, odd blanks, slashes and hyphens; what cannot be seen is left out. changed reports
// whether anything was.
func fold(dst, src []byte) (out []byte, changed bool) {
	for i := 0; i < len(src); {
		if c := src[i]; c < 0x80 && c != '\\' && !control[c] {
			dst = append(dst, c)
			i++
			continue
		}
		r, size := step(src[i:])
		switch {
		case r == kept:
			dst = append(dst, src[i:i+size]...)
		case r == gone:
			changed = true
		default:
			dst = append(dst, byte(r))
			changed = true
		}
		i += size
	}
	return dst, changed
}

// cursor finds places of a folded text in what it was folded from. Going forward it reads no byte twice.
type cursor struct{ raw, folded int }

// seek is the place in src of what stands at n in its fold.
func (c *cursor) seek(src []byte, n int) int {
	if n < c.folded {
		*c = cursor{}
	}
	for c.raw < len(src) && c.folded < n {
		r, size := rune(src[c.raw]), 1
		if r >= 0x80 || r == '\\' || control[r] {
			r, size = step(src[c.raw:])
		}
		c.raw += size
		switch r {
		case gone:
		case kept:
			c.folded += size
		default:
			c.folded++
		}
	}
	return c.raw
}

const (
	kept rune = -1 // stands for itself
	gone rune = -2 // cannot be seen
)

// step reads what src begins with, a backslash, a control character or a byte beyond ASCII, and says which ASCII letter it stands for.
func step(src []byte) (r rune, size int) {
	if src[0] == '\\' {
		return escape(src)
	}
	if src[0] < 0x80 {
		return gone, 1
	}
	switch c := src[0]; {
	case len(src) < 3:
	case c >= 0xC3 && c <= 0xCB && src[1] >= 0x80: // accented letters
		return kept, 2
	case c >= 0xCE && c <= 0xD3: // Greek and Cyrillic
		return rune(letters[c-0xCE][src[1]&0x3F]), 2
	case c >= 0xE4 && c <= 0xED: // the letters of the Far East
		return kept, 3
	case c == 0xE2 && src[1] == 0x80 && src[2] >= 0x93 && src[2] <= 0xA7: // quotes, dashes and dots of ordinary prose
		return kept, 3
	}
	r, size = utf8.DecodeRune(src)
	return plain(r), size
}

// letters holds alike for what UTF-8 writes in two bytes beginning with 0xCE to 0xD3.
var letters = func() (t [6][64]int8) {
	for i := range t {
		for j := range t[i] {
			t[i][j] = int8(alike(rune(0xCE+i-0xC0)<<6 | rune(j)))
		}
	}
	return t
}()

// escape reads an escape of JSON. JSON within JSON doubles the backslashes, so any number of them counts as one.
func escape(src []byte) (rune, int) {
	n := 1
	for n < len(src) && src[n] == '\\' {
		n++
	}
	if n == len(src) {
		return kept, n
	}
	switch src[n] {
	case '/', '"':
		return rune(src[n]), n + 1
	case 'n', 'r', 't':
		return '\n', n + 1
	case 'u':
		if len(src) < n+5 {
			return kept, n
		}
		r := rune(0)
		for _, c := range src[n+1 : n+5] {
			d := hexDigit(c)
			if d < 0 {
				return kept, n
			}
			r = r<<4 | d
		}
		if r < 0x80 {
			if control[r] {
				r = gone
			}
			return r, n + 5
		}
		if p := plain(r); p != kept {
			return p, n + 5
		}
		return '?', n + 5
	}
	return kept, n
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// plain is the ASCII letter that r looks like, gone, or kept.
func plain(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E: // full width
		return r - 0xFEE0
	case r >= 0x1D400 && r <= 0x1D6A3: // mathematical letters, in runs of 52
		if i := (r - 0x1D400) % 52; i < 26 {
			return 'A' + i
		} else {
			return 'a' + i - 26
		}
	case r >= 0x24B6 && r <= 0x24CF: // in circles
		return 'A' + r - 0x24B6
	case r >= 0x24D0 && r <= 0x24E9:
		return 'a' + r - 0x24D0
	case r >= 0xE0020 && r <= 0xE007E: // tags, which carry ASCII unseen
		return r - 0xE0000
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F,
		r >= 0xFE00 && r <= 0xFE0F, r >= 0x180B && r <= 0x180E, r >= 0x0300 && r <= 0x036F:
		return gone
	case r >= 0x2000 && r <= 0x200A:
		return ' '
	case r >= 0x2010 && r <= 0x2012:
		return '-'
	}
	switch r {
	case 0x00AD, 0x061C, 0x115F, 0x1160, 0x3164, 0xFEFF, 0xE0001, 0xE007F:
		return gone
	case 0x00A0, 0x1680, 0x202F, 0x205F, 0x3000:
		return ' '
	case 0x0085, 0x2028, 0x2029:
		return '\n'
	case 0x2044, 0x2215, 0x2571, 0x29F8:
		return '/'
	case 0x2212:
		return '-'
	}
	return alike(r)
}

// alike is the capital that a letter of the Cyrillic or Greek alphabet cannot be told from, or kept.
func alike(r rune) rune {
	switch r {
	case 'А', 'Α':
		return 'A'
	case 'В', 'Β':
		return 'B'
	case 'С', 'Ϲ':
		return 'C'
	case 'Е', 'Ε':
		return 'E'
	case 'Ғ', 'Ϝ':
		return 'F'
	case 'Н', 'Η':
		return 'H'
	case 'І', 'Ι', 'Ӏ':
		return 'I'
	case 'Ј':
		return 'J'
	case 'К', 'Κ':
		return 'K'
	case 'М', 'Μ':
		return 'M'
	case 'Ν':
		return 'N'
	case 'О', 'Ο':
		return 'O'
	case 'Р', 'Ρ':
		return 'P'
	case 'Ѕ':
		return 'S'
	case 'Т', 'Τ':
		return 'T'
	case 'Ү', 'Υ':
		return 'Y'
	case 'Ζ':
		return 'Z'
	case 'Х', 'Χ':
		return 'X'
	case 'с':
		return 'c'
	case 'е':
		return 'e'
	case 'о', 'ο':
		return 'o'
	case 'р':
		return 'p'
	case 'ѕ':
		return 's'
	case 'а':
		return 'a'
	}
	return kept
}
