package clients_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// matrixPage is written by make matrix and read by ordinary runs.
const matrixPage = "../docs/matrix.md"

const matrixHead = `# The matrix of clients

<!-- Written by make matrix; do not edit. -->

Each official client, unmodified, against an alias whose one offering is of each of the five dialects, at simulated
vendors. Rows are what is tried, columns the dialect of the offering. Written by ` + "`make matrix`" + `; every run of
` + "`go test ./clients`" + ` holds each client to its own dialect's column and to one other.

| cell | meaning |
|---|---|
| pass | the client's own types, helpers and exceptions gave what its author expects |
| refused | Bulkhead refused with a stable code and named the field; the note says which |
| – | the client has no such call |
| **fail** | a defect; the note says what was seen |

| row | what is tried |
|---|---|
| unary | text arrives whole, with the client's own word for a natural end, and a request id |
| stream | the pieces are the text, usage comes at the end; the client's own helper gathers the same |
| tools | two calls in one turn, a result for each, then the answer |
| tools-stream | the same, streamed |
| structured | output by a JSON schema, read by the client's own helper where it has one |
| image | a small picture in the message |
| reasoning | reasoning is asked for; what is opaque of it is sent back over two turns with tools |
| usage | what is counted is what the vendor counted |
| errors | 401, 403, 404, 400, 429, 503 and a stream that breaks: each as the client's own exception |
| embeddings | vectors, where the client and the offering's dialect have them |
`

// words are what the page has for each result.
var words = map[string]string{"pass": "pass", "refused": "refused", "none": "–", "fail": "**fail**"}

// matrixText is the page: a table for each client, and below it the reasons of
// what is no pass, each once.
func matrixText(clients [][]cell) []byte {
	var b bytes.Buffer
	b.WriteString(matrixHead)
	for _, cells := range clients {
		at := map[[2]string]cell{}
		for _, c := range cells {
			at[[2]string{c.Case, c.Alias}] = c
		}
		fmt.Fprintf(&b, "\n## %s %s\n\n|", cells[0].Client, cells[0].Version)
		for _, a := range matrixAliases {
			fmt.Fprintf(&b, " | %s", strings.TrimPrefix(a, "on-"))
		}
		b.WriteString(" |\n|---" + strings.Repeat("|---", len(matrixAliases)) + "|\n")
		var notes []string
		for _, row := range matrixCases {
			fmt.Fprintf(&b, "| %s", row)
			for _, a := range matrixAliases {
				c := at[[2]string{row, a}]
				word := words[c.Result]
				if c.Result == "refused" || c.Result == "fail" {
					word += fmt.Sprintf(" %d", note(&notes, c.Why))
				}
				fmt.Fprintf(&b, " | %s", word)
			}
			b.WriteString(" |\n")
		}
		if len(notes) > 0 {
			b.WriteByte('\n')
		}
		for i, n := range notes {
			fmt.Fprintf(&b, "%d. %s\n", i+1, strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "_", `\_`).Replace(n))
		}
	}
	return b.Bytes()
}

// note gives the number of a reason among the notes, from 1.
func note(notes *[]string, why string) int {
	for i, n := range *notes {
		if n == why {
			return i + 1
		}
	}
	*notes = append(*notes, why)
	return len(*notes)
}

// readMatrix reads the page: client, case, alias, and what came of it.
func readMatrix(t *testing.T) map[string]map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(matrixPage)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]map[string]string{}
	client := ""
	for line := range strings.Lines(string(text)) {
		if head, ok := strings.CutPrefix(line, "## "); ok {
			client = strings.TrimSpace(head[:strings.LastIndexByte(head, ' ')])
			out[client] = map[string]map[string]string{}
			continue
		}
		columns := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if client == "" || len(columns) != len(matrixAliases)+1 {
			continue
		}
		row := map[string]string{}
		for i, a := range matrixAliases {
			for result, word := range words {
				if first, _, _ := strings.Cut(strings.TrimSpace(columns[i+1]), " "); first == word {
					row[a] = result
				}
			}
		}
		out[client][strings.TrimSpace(columns[0])] = row
	}
	return out
}
