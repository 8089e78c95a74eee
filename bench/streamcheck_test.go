package main

import (
	"slices"
	"strings"
	"testing"
)

// framed is events as they stand in a body.
func framed(events [][]byte) string {
	var b strings.Builder
	for _, e := range events {
		b.WriteString("data: " + string(e) + "\n\n")
	}
	return b.String()
}

// checkStream feeds body in pieces of at most size bytes.
func checkStream(c *streamCheck, body string, size int) error {
	c.reset()
	for piece := range slices.Chunk([]byte(body), size) {
		c.feed(piece)
	}
	return c.done()
}

func TestStreamCheck_AcceptsTheStreamHoweverItIsCut(t *testing.T) {
	c := newStreamCheck(chatEvents(12))
	whole := framed(chatEvents(12))
	commented := ": hello\n\n" + strings.Replace(whole, "data: [DONE]", ": still here\ndata: [DONE]", 1)
	for size := 1; size <= len(whole); size++ {
		if err := checkStream(c, whole, size); err != nil {
			t.Fatalf("in pieces of %d: %v", size, err)
		}
	}
	for _, size := range []int{1, 3, 64, len(commented)} {
		if err := checkStream(c, commented, size); err != nil {
			t.Fatalf("with comments, in pieces of %d: %v", size, err)
		}
	}
	for cut := range len(whole) {
		c.reset()
		c.feed([]byte(whole[:cut]))
		c.feed([]byte(whole[cut:]))
		if err := c.done(); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestStreamCheck_RefusesBrokenStreams(t *testing.T) {
	events := chatEvents(12)
	whole := framed(events)
	swapped := slices.Clone(events)
	swapped[4], swapped[5] = swapped[5], swapped[4]
	for _, tc := range []struct {
		name, body, want string
	}{
		{"empty", "", "ends after 0 of 16 events"},
		{"a token is missing", framed(slices.Delete(slices.Clone(events), 5, 6)), "event 5: got"},
		{"two tokens out of order", framed(swapped), "event 4: got"},
		{"a token twice", framed(slices.Insert(slices.Clone(events), 5, events[4])), "event 5: got"},
		{"a byte changed", strings.Replace(whole, " t007", " t00x", 1), "event 8: got"},
		{"no usage", framed(slices.Delete(slices.Clone(events), 14, 15)), "event 14: got"},
		{"no [DONE]", framed(events[:15]), "ends after 15 of 16 events"},
		{"cut within [DONE]", whole[:len(whole)-4], "ends within an event"},
		{"cut before the last line end", whole[:len(whole)-1], "ends within an event"},
		{"more after [DONE]", whole + framed(events[3:4]), "more after the last event"},
		{"an error event", framed(events[:6]) + "event: error\ndata: {}\n\n", "event 6 is no data"},
		{"two events run together", strings.Replace(whole, "\n\n", "\n", 1), "event 0: got"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 7, 1000, 1 << 20} {
				err := checkStream(newStreamCheck(events), tc.body, size)
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("in pieces of %d: got %v, want …%s…", size, err, tc.want)
				}
			}
		})
	}
}
