package faults_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/faults.md anew")

const pageName = "../docs/faults.md"

// TestPage holds docs/faults.md to the table that TestFaults asks for.
func TestPage(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(pageName, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(pageName)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the table says: go test ./faults -run TestPage -update", pageName)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# When a vendor fails

What a call comes to when its first offering, or the way to it, fails. Each row is asked of callers and offerings of all five dialects: each with
itself and two foreign ones (` + fmt.Sprint(len(lanes)) + ` pairs), unary and streamed, live and atomic, with and without another offering that the call's permit has:
` + fmt.Sprint(len(lanes)*len(states())) + ` calls through a real listener to simulated vendors at the wire (` + "`go test ./faults`" + `). This page is written from the table that the test asks for.

In every row, besides what it says:

- The call ends: within the limits of its attempts, never later. What is presented as complete is what the vendor said, to the last character.
- An error before the reply has begun is a status with Bulkhead's code, in the body of the caller's dialect and in ` + "`Bulkhead-Error`" + `; a vendor's own refusal keeps
  its words. An error after it has begun is in-band: an error chunk without ` + "`[DONE]`" + ` (openai), an ` + "`error`" + ` event without the last event (responses, anthropic), an
  exception frame without ` + "`metadata`" + ` (bedrock), an error object without ` + "`finishReason`" + ` (gemini).
- Every attempt is in the ledger with its start, and no vendor saw one that is not. The outcome says complete, refused or cut, as the caller was told, names the
  attempt that answered, and has that vendor's own count of tokens, or an estimate that says so where the vendor was cut off. The ledger verifies.
- A fallback is asked once, and only where it can help.

Columns: **alone** is without another offering, **with another** with one that is healthy. They hold for unary calls and for atomic delivery, and for live streams that fail
before their first content; **live, in the midst** is a live stream that has begun. **Asked** is how often the first vendor sees the call, and the least time between.

| the first offering | alone | with another | live, in the midst | asked |
|---|---|---|---|---|
`)
	for _, r := range rows() {
		midst := "as before it"
		if r.late {
			midst = "cut, in-band " + codes(r.inBand)
		}
		name := r.says
		if r.only != "" {
			name += " (" + r.only + "s)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, r.alone.words(r), r.other.words(r), midst, r.counted())
	}
	b.WriteString(`
A limit of the endpoint or workload bounds each wait: connect, header, first content, gap, total ([operate.md](operate.md)). In the test they are ` + limit.String() + ` at the first
offering, and no call takes longer than ` + soon.String() + `, its waits included. An answer without end comes to its end with the total of the call, or with what an atomic reply may hold.
How simulated vendors are made to fail is in [sim.md](sim.md).
`)
	return b.String()
}

func codes(c []string) string {
	if len(c) == 0 {
		return "in the vendor's words"
	}
	return "`" + strings.Join(c, "` or `") + "`"
}

// words say what comes of a call.
func (v verdict) words(r row) string {
	switch v.ending {
	case whole:
		return map[string]string{"first": "whole, by the first", "second": "whole, by the other", "third": "whole, by the third"}[v.by]
	case filtered:
		return "the vendor's filtered answer, or its refusal"
	}
	if len(v.codes) == 0 {
		return "400, the vendor's refusal"
	}
	var out []string
	for _, c := range v.codes {
		switch c {
		case "":
			out = append(out, "400, the vendor's refusal")
		case "upstream_refused": // the same in another dialect
		default:
			out = append(out, fmt.Sprintf("%d `%s`", statuses[c], c))
		}
	}
	return strings.Join(out, " or ")
}

func (r row) counted() string {
	n := map[[2]int]string{{}: "never", once: "once", twice: "twice", {1, 2}: "once or twice"}[r.asked]
	if r.gap > 0 && r.asked[1] > 1 {
		n += ", " + r.gap.Round(time.Millisecond).String() + " apart"
	}
	return n
}
