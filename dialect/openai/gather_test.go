package openai_test

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// gather reads a stream as the strictest of the official SDKs gather one, and
// fails t where one of them would (openai-python, openai-node, openai-go of
// 2026-08): members of a delta that are strings concatenate, so that a role, an
// id or a name may come once; entries of a list need a dense index; every
// choice finishes once and nothing follows; usage comes once, last; [DONE] ends.
func gather(t rapid.TB, stream []byte) {
	t.Helper()
	type choice struct {
		finish    string
		calls     []map[string]string
		annotated bool
	}
	choices := map[int]*choice{}
	var id string
	counted, done := false, false
	for _, piece := range strings.Split(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(piece, "data: ")
		switch {
		case !ok || strings.Contains(data, "\n"):
			t.Fatalf("a frame that is none: %q", piece)
		case done:
			t.Fatalf("%q after the end", data)
		case data == "[DONE]":
			done = true
			continue
		}
		var c struct {
			ID      string         `json:"id"`
			Object  string         `json:"object"`
			Model   *string        `json:"model"`
			Error   jsontext.Value `json:"error"`
			Usage   jsontext.Value `json:"usage"`
			Choices []struct {
				Index *int `json:"index"`
				Delta *struct {
					Role        string `json:"role"`
					Annotations []any  `json:"annotations"`
					Calls       []struct {
						Index    *int   `json:"index"`
						ID       string `json:"id"`
						Type     string `json:"type"`
						Function struct {
							Name string `json:"name"`
						} `json:"function"`
						Custom struct {
							Name string `json:"name"`
						} `json:"custom"`
					} `json:"tool_calls"`
				} `json:"delta"`
				Finish *string `json:"finish_reason"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if id == "" {
			id = c.ID
		}
		if c.ID != id || c.Object != "chat.completion.chunk" || c.Model == nil || c.Error != nil || c.Choices == nil {
			t.Fatalf("a chunk lacks something, or has an error: %s", data)
		}
		if counted {
			t.Fatalf("%s after the usage", data)
		}
		counted = c.Usage != nil && string(c.Usage) != "null"
		if counted && len(c.Choices) > 0 {
			t.Fatalf("usage with choices: %s", data)
		}
		for _, in := range c.Choices {
			if in.Index == nil || in.Delta == nil {
				t.Fatalf("a choice without index or delta: %s", data)
			}
			have := choices[*in.Index]
			if have == nil {
				have = &choice{}
				choices[*in.Index] = have
				if in.Delta.Role != "assistant" {
					t.Fatalf("the first chunk of a choice says no role: %s", data)
				}
			} else if in.Delta.Role != "" {
				t.Fatalf("a second role: %s", data)
			}
			if have.finish != "" {
				t.Fatalf("%s after the choice has finished", data)
			}
			if in.Finish != nil {
				have.finish = *in.Finish
			}
			if len(in.Delta.Annotations) > 0 && have.annotated {
				t.Fatalf("annotations twice: %s", data)
			}
			have.annotated = have.annotated || len(in.Delta.Annotations) > 0
			for _, call := range in.Delta.Calls {
				name := call.Function.Name + call.Custom.Name
				switch {
				case call.Index == nil || *call.Index > len(have.calls):
					t.Fatalf("a call without a dense index: %s", data)
				case *call.Index == len(have.calls):
					if call.ID == "" || name == "" || call.Type == "" {
						t.Fatalf("a call begins without id, type or name: %s", data)
					}
					have.calls = append(have.calls, map[string]string{"id": call.ID})
				case call.ID != "" || name != "":
					t.Fatalf("a call's id or name comes again: %s", data)
				}
			}
		}
	}
	for i := range len(choices) {
		if c := choices[i]; c == nil || c.finish == "" {
			t.Fatalf("choice %d is missing or unfinished", i)
		}
	}
	if !done || len(choices) == 0 {
		t.Fatalf("no end, or no choice, in %d bytes: %s", len(stream), fmt.Sprintf("%.200s", stream))
	}
}
