package estate

import (
	"slices"
	"strings"
)

// nearest gives the candidate that a typo most likely stands for, or nothing
// if none is near enough to be meant.
func nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if len(c) > 64 {
			continue
		}
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		rows[0], rows[1], rows[2] = old, row, older
	}
	return rows[1][len(b)]
}

// oneOf writes a choice as "a, b or c", in order and at most a dozen.
func oneOf(words []string) string {
	words = slices.Clone(words)
	more := ""
	if len(words) > 12 {
		words, more = words[:12], ", …"
	}
	if n := len(words); n > 1 && more == "" {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, ", ") + more
}

// suggest gives the hint for a wrong word: the nearest one, or all there are.
func suggest(word string, candidates []string, what string) string {
	if n := nearest(word, candidates); n != "" {
		return "did you mean \"" + n + "\"?"
	}
	if len(candidates) == 0 {
		return "no " + what + " is declared yet"
	}
	return "write " + oneOf(candidates)
}
