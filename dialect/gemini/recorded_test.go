package gemini_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/wire"
)

func streams(t testing.TB) []string {
	files, err := filepath.Glob("testdata/recorded/*.sse")
	if err != nil || len(files) != 8 {
		t.Fatalf("%d recorded streams, %v", len(files), err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	return files
}

var unaries = []string{"model-armor-block.json", "native-output.json", "tool-any-no-args.json", "vertex-logprobs.json"}

func TestRecorded_StreamsAreDecodedAsReviewed(t *testing.T) {
	for _, file := range streams(t) {
		t.Run(file, func(t *testing.T) {
			golden(t, strings.TrimSuffix(file, ".sse")+".jsonl", lines(t, events(t, bytes.NewReader(recorded(t, file)))))
		})
	}
}

func TestRecorded_StreamsAreTheSameWhereverTheyAreCut(t *testing.T) {
	for _, file := range streams(t) {
		t.Run(file, func(t *testing.T) {
			b := recorded(t, file)
			want := lines(t, events(t, bytes.NewReader(b)))
			step := 1
			if testing.Short() || len(b) > 8000 {
				step = 7
			}
			for cut := 1; cut < len(b); cut += step {
				if got := lines(t, events(t, &pieces{b, []int{cut}})); !bytes.Equal(got, want) {
					t.Fatalf("cut at %d it gives\n%s", cut, got)
				}
			}
			if got := lines(t, events(t, &pieces{b, slices.Repeat([]int{1}, len(b))})); !bytes.Equal(got, want) {
				t.Errorf("byte by byte it gives\n%s", got)
			}
		})
	}
}

func TestRecorded_FramesAreTheBytesThatCame(t *testing.T) {
	for _, file := range streams(t) {
		b := recorded(t, file)
		frames, err := drain(gemini.Client{}.Stream(api), &pieces{b, []int{3, 100, 1, 1000}}, func(*chat.Event) error { return nil })
		if err != nil || !bytes.Equal(frames, b) {
			t.Errorf("%s: %v; the frames are other bytes", file, err)
		}
	}
}

func TestRecorded_StreamsSayTheSameInTheirOwnDialectAgain(t *testing.T) {
	for _, file := range streams(t) {
		for _, array := range []bool{false, true} {
			was := events(t, bytes.NewReader(recorded(t, file)))
			again := events(t, bytes.NewReader(encode(t, &dialect.Answering{Array: array}, was)))
			fold := func(list []chat.Event) *chat.Reply {
				r, err := chattest.Fold(list)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			t.Run(file, func(t *testing.T) { chattest.Equal(t, fold(again), fold(was)) })
		}
	}
}

// written are the places at which a unary reply may differ after it went
// through the hub: what counts only text is not said by modality, the ids that
// tokens have in a vocabulary are dropped, fractions of a second too.
func written(v any) {
	m, _ := v.(map[string]any)
	if at, ok := m["createTime"].(string); ok && strings.Contains(at, ".") {
		m["createTime"] = at[:strings.IndexByte(at, '.')] + "Z"
	}
	if u, _ := m["usageMetadata"].(map[string]any); u != nil {
		delete(u, "promptTokensDetails")
		delete(u, "candidatesTokensDetails")
	}
	for _, c := range list(m["candidates"]) {
		c := c.(map[string]any)
		if c["index"] == nil {
			c["index"] = number("0")
		}
		r, _ := c["logprobsResult"].(map[string]any)
		for _, p := range list(r["chosenCandidates"]) {
			delete(p.(map[string]any), "tokenId")
		}
		for _, top := range list(r["topCandidates"]) {
			for _, p := range list(top.(map[string]any)["candidates"]) {
				delete(p.(map[string]any), "tokenId")
			}
		}
	}
}

func TestRecorded_UnaryRepliesAreDecodedAsReviewedAndWrittenAgain(t *testing.T) {
	for _, file := range unaries {
		t.Run(file, func(t *testing.T) {
			body := recorded(t, file)
			r, err := gemini.Client{}.Reply(body, new(wire.Scanner), api)
			if err != nil {
				t.Fatal(err)
			}
			b, err := chat.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".json")+".reply.json", append(b, '\n'))
			again, err := gemini.Server{}.Reply(nil, r, &dialect.Answering{})
			if err != nil {
				t.Fatal(err)
			}
			want := tree(t, body)
			written(want)
			if file == "model-armor-block.json" {
				delete(want.(map[string]any), "usageMetadata") // it counts nothing
			}
			sameJSON(t, tree(t, again), want)
			if bytes.ContainsAny(again, "\r\n") {
				t.Error("a reply that breaks a line")
			}
		})
	}
}

func TestRecorded_RequestsPassAllWaysAsReviewed(t *testing.T) {
	for name, body := range metas(t) {
		t.Run(name, func(t *testing.T) {
			in := inbound(call.Chat, "gemini-x", strings.HasPrefix(name, "stream"), body)
			if name == "error-400-role" {
				if _, err := (gemini.Server{}).Decode(in, new(wire.Scanner)); kindOf(err) != fault.Malformed {
					t.Errorf("a role that is none: %v", err)
				}
				return
			}
			if _, err := (gemini.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); err != nil {
				t.Fatal(err)
			}
			r, err := gemini.Server{}.Decode(in, new(wire.Scanner))
			if err != nil {
				t.Fatal(err)
			}
			b, err := chat.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			l := losses()
			out, err := gemini.Client{}.Encode(r, api, l)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".request.json", append(append(b, '\n'), append(out.Body, '\n')...))
			if len(l.List()) > 0 {
				t.Errorf("losses on the way home: %v", l.List())
			}
			in.Body = out.Body
			again, err := gemini.Server{}.Decode(in, new(wire.Scanner))
			if err != nil {
				t.Fatal(err)
			}
			chattest.Equal(t, again, r)
		})
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
