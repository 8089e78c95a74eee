package inspect

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// UnreadKind says why a part cannot be read.
type UnreadKind string

// The kinds of parts that cannot be read.
const (
	Image    UnreadKind = "image"
	Audio    UnreadKind = "audio"
	Video    UnreadKind = "video"
	Document UnreadKind = "document"
	Archive  UnreadKind = "archive"
	Tokens   UnreadKind = "token_ids"
	Encoded  UnreadKind = "base64"
	Opaque   UnreadKind = "opaque"
	// TooManyMarks: the text has more different marks than a scan reads.
	TooManyMarks UnreadKind = "too_many_marks"
)

// Unread is a part, or a stretch of one, that could not be read.
type Unread struct {
	Kind                 UnreadKind
	Part, Offset, Length int
}

// Why says what could not be read and what the caller can do, without repeating any of it.
func (u Unread) Why() string {
	switch u.Kind {
	case Tokens:
		return "token ids cannot be read: send the input as text; for LangChain set OpenAIEmbeddings(check_embedding_ctx_length=False)"
	case Encoded:
		return "base64 inside text is not decoded: send what it holds as text"
	case Document:
		return "a document such as PDF cannot be read: send its text"
	case Archive:
		return "an archive cannot be read: send what it holds as text"
	case TooManyMarks:
		return "more different marks than are read in one call: send the text in pieces"
	case Image, Audio, Video:
		return string(u.Kind) + " cannot be read"
	}
	return "the part cannot be read"
}

// mostUnread bounds the list; one is enough to decide.
const mostUnread = 64

// Unread notes that the next piece cannot be read at all.
func (s *Scanner) Unread(k UnreadKind) {
	s.unread(Unread{Kind: k, Part: s.part})
	s.tail.text, s.tail.spans = s.tail.text[:0], s.tail.spans[:0]
	s.part++
}

func (s *Scanner) unread(u Unread) {
	if len(s.result.Unread) < mostUnread {
		s.result.Unread = append(s.result.Unread, u)
	}
}

// KindOf is how a media type is unread; ok is false for text, which can be read.
func KindOf(mediaType string) (k UnreadKind, ok bool) {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	mediaType = strings.TrimSpace(mediaType)
	major, minor, _ := strings.Cut(mediaType, "/")
	switch {
	case major == "text", mediaType == "application/json", mediaType == "application/xml", mediaType == "application/yaml",
		strings.HasSuffix(minor, "+json"), strings.HasSuffix(minor, "+xml") && major != "image":
		return "", false
	case major == "image":
		return Image, true
	case major == "audio":
		return Audio, true
	case major == "video":
		return Video, true
	case strings.Contains(minor, "zip"), strings.Contains(minor, "tar"), strings.Contains(minor, "compressed"), minor == "x-xz":
		return Archive, true
	case minor == "pdf", strings.Contains(minor, "word"), strings.Contains(minor, "officedocument"), minor == "rtf",
		strings.Contains(minor, "opendocument"), strings.Contains(minor, "excel"), strings.Contains(minor, "powerpoint"):
		return Document, true
	}
	return Opaque, true
}

const (
	// leastEncoded is the shortest base64 that is looked at; shorter runs are identifiers, digests and keys.
	leastEncoded = 48
	// sureEncoded is how long a run must be to count though it does not decode to text.
	sureEncoded = 512
	stride      = 32
	window      = 16
)

var base64Bytes = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		t[c] = true
	}
	return t
}()

// encoded looks for long runs of base64 in a block: every run of leastEncoded bytes holds a whole window. Each run is
// looked at once, however many blocks it spans.
func (s *Scanner) encoded(v *view, lo, hi int) {
	t := v.text
	for at := max(lo, v.encoded); at+window <= hi; at += stride {
		i := at
		for i < at+window && base64Bytes[t[i]] {
			i++
		}
		if i < at+window {
			continue
		}
		from, to := run(t, v.encoded, at)
		if to-from >= leastEncoded {
			if kind, ok := encodes(t[from:to]); ok {
				s.unread(Unread{Kind: kind, Part: v.part, Offset: from, Length: to - from})
			}
		}
		v.encoded = to
		for at+stride < to {
			at += stride
		}
	}
}

// run is the run of base64 around at, over line breaks, that does not begin before lo.
func run(t []byte, lo, at int) (from, to int) {
	from, to = at, at
	for from > lo && base64Bytes[t[from-1]] {
		from--
	}
	for to < len(t) {
		if base64Bytes[t[to]] {
			to++
			continue
		}
		next := to
		for next < len(t) && next-to < 2 && (t[next] == '\n' || t[next] == '\r') {
			next++
		}
		if next == to || next+4 > len(t) || !base64Bytes[t[next]] || !base64Bytes[t[next+1]] || !base64Bytes[t[next+2]] ||
			!base64Bytes[t[next+3]] || to-from < 60 {
			break
		}
		// A further line counts only if it is all base64.
		end := bytes.IndexByte(t[next:], '\n')
		if end < 0 {
			end = len(t) - next
		}
		for _, c := range bytes.TrimRight(t[next:next+end], "=\r") {
			if !base64Bytes[c] {
				return from, to
			}
		}
		to = next
	}
	return from, to
}

// encodes reports whether a run holds something encoded, and what it seems to be.
func encodes(b []byte) (UnreadKind, bool) {
	for _, m := range [...]struct {
		magic string
		kind  UnreadKind
	}{{"iVBORw0KGgo", Image}, {"/9j/", Image}, {"R0lGOD", Image}, {"JVBERi0", Document}, {"UEsDB", Archive}, {"H4sIA", Archive}} {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return m.kind, true
		}
	}
	var upper, lower, digit bool
	for _, c := range b {
		upper, lower, digit = upper || c >= 'A' && c <= 'Z', lower || c >= 'a' && c <= 'z', digit || c >= '0' && c <= '9'
	}
	if !upper || !lower || !digit {
		return "", false
	}
	return Encoded, len(b) >= sureEncoded || decodesToText(b)
}

// decodesToText reports whether the beginning of a run is text once decoded.
func decodesToText(b []byte) bool {
	var buf, out [192]byte
	n := 0
	for _, c := range b {
		switch c {
		case '\n', '\r':
			continue
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		if buf[n] = c; n == len(buf)-1 {
			break
		}
		n++
	}
	n &^= 3
	got, err := base64.RawStdEncoding.Decode(out[:], buf[:n])
	if err != nil || got < 24 {
		return false
	}
	text := 0
	for _, c := range out[:got] {
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' || c == '\r' {
			text++
		}
	}
	return text*20 >= got*19
}
