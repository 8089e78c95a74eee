package sim

import (
	"hash/fnv"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Tokens cuts text into the tokens that the pretend vendors count and stream. A token is at most one leading space
// with what follows it: up to ten letters (apostrophes and marks count as letters), or up to three digits, or one other
// character. The pieces joined give the text again; no character is ever cut.
func Tokens(text string) []string {
	var out []string
	for len(text) > 0 {
		n := tokenLen(text)
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

func tokenLen(text string) int {
	n := 0
	r, size := utf8.DecodeRuneInString(text)
	if r == ' ' && len(text) > 1 {
		n = size
		if r, _ = utf8.DecodeRuneInString(text[n:]); r == ' ' {
			return n
		}
	}
	class, limit := runeClass(r), 1
	switch class {
	case letter:
		limit = 10
	case digit:
		limit = 3
	}
	for i := 0; i < limit && n < len(text); i++ {
		r, size = utf8.DecodeRuneInString(text[n:])
		if runeClass(r) != class {
			break
		}
		n += size
	}
	return n
}

type class int

const (
	other class = iota
	letter
	digit
)

func runeClass(r rune) class {
	switch {
	case unicode.IsLetter(r), unicode.IsMark(r), r == '\'':
		return letter
	case unicode.IsDigit(r):
		return digit
	default:
		return other
	}
}

// Costs that are not text. They are plain figures of the pretend vendors, stated here and in docs/sim.md.
const (
	tokensPerMessage   = 3    // each message, for its frame
	tokensPerReply     = 3    // once a call, for the frame of the reply
	tokensPerImage     = 765  // an image
	tokensPerLowImage  = 85   // an image with detail "low"
	audioBytesPerToken = 1600 // of decoded sound, at least one token
	fileBytesPerToken  = 4    // of decoded file, at least one token
)

// meter counts the tokens of a prompt and remembers a running hash at every 128th, by which cached prefixes are found.
type meter struct {
	n      int
	images int
	audio  int
	hash   uint64
	blocks []uint64
}

const (
	cacheBlock = 128  // tokens; what is cached is a multiple of it
	cacheFloor = 1024 // tokens; shorter prompts are not cached
)

func (m *meter) text(s string) {
	for _, t := range Tokens(s) {
		m.add(t, 1)
	}
}

func (m *meter) add(what string, tokens int) {
	h := fnv.New64a()
	var seed [8]byte
	for i := range seed {
		seed[i] = byte(m.hash >> (8 * i))
	}
	h.Write(seed[:])
	h.Write([]byte(what))
	m.hash = h.Sum64()
	for range tokens {
		m.n++
		if m.n%cacheBlock == 0 {
			m.blocks = append(m.blocks, m.hash)
		}
	}
}

// promptCache remembers the prefixes a vendor has seen, as vendors do for prompts of 1024 tokens and more.
type promptCache struct {
	mu   sync.Mutex
	seen map[uint64]struct{}
}

const cacheEntries = 1 << 16 // then it is emptied; real caches forget too

// use returns how many tokens of the prompt were seen before, and remembers it.
func (c *promptCache) use(scope string, m *meter) int {
	if m.n < cacheFloor {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(scope))
	salt := h.Sum64()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) > cacheEntries {
		c.seen = map[uint64]struct{}{}
	}
	cached := 0
	for i, b := range m.blocks {
		if _, ok := c.seen[b^salt]; ok {
			cached = (i + 1) * cacheBlock
		}
		c.seen[b^salt] = struct{}{}
	}
	if cached < cacheFloor {
		return 0
	}
	return cached
}
