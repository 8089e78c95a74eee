package gemini_test

import (
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

func embed(t *testing.T, body string) *chat.EmbedRequest {
	t.Helper()
	r, err := gemini.Server{}.DecodeEmbed(inbound(call.Embeddings, "alias", false, []byte(body)), new(wire.Scanner))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return r
}

func TestEmbed_GoesToEachSurfaceInItsForm(t *testing.T) {
	one := `{"content":{"parts":[{"text":"a"},{"text":"b"}]},"task_type":"RETRIEVAL_DOCUMENT","title":"T","outputDimensionality":8}`
	two := `{"requests":[{"model":"models/alias","content":{"parts":[{"text":"a"}]}},{"model":"models/alias","content":{"parts":[{"text":"b"}]}}]}`
	predict := &dialect.Upstream{Model: "text-embedding-005", Surface: gemini.Vertex, Project: "p", Location: "l", APIVersion: "v1"}
	content := &dialect.Upstream{Model: "gemini-embedding-2", Surface: gemini.Vertex, Project: "p", Location: "l", APIVersion: "v1"}
	google := &dialect.Upstream{Model: "gemini-embedding-001"}
	for _, tt := range []struct {
		body string
		to   *dialect.Upstream
		want string
	}{
		{one, google, `/v1beta/models/gemini-embedding-001:embedContent {"model":"models/gemini-embedding-001","content":{"parts":[{"text":"ab"}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":8,"title":"T"}`},
		{two, google, `/v1beta/models/gemini-embedding-001:batchEmbedContents {"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}},{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]}}]}`},
		{one, content, `/v1/projects/p/locations/l/publishers/google/models/gemini-embedding-2:embedContent {"content":{"parts":[{"text":"ab"}]},"embedContentConfig":{"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":8,"title":"T"}}`},
		{one, predict, `/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict {"instances":[{"content":"ab","task_type":"RETRIEVAL_DOCUMENT","title":"T"}],"parameters":{"outputDimensionality":8}}`},
		{two, predict, `/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict {"instances":[{"content":"a"},{"content":"b"}]}`},
	} {
		l := losses()
		out, err := gemini.Client{}.EncodeEmbed(embed(t, tt.body), tt.to, l)
		if err != nil || len(l.List()) > 0 {
			t.Fatal(err, l.List())
		}
		if got := out.Path + " " + string(out.Body); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	if _, err := (gemini.Client{}).EncodeEmbed(embed(t, two), content, losses()); kindOf(err) != fault.Unsupported {
		t.Errorf("two texts to a model that takes one: %v", err)
	}
	chattest.Equal(t, embed(t, `{"content":{"parts":[{"text":"ab"}]},"embedContentConfig":{"taskType":"RETRIEVAL_DOCUMENT","title":"T","outputDimensionality":8}}`), embed(t, one))
}

func TestEmbed_Refuses(t *testing.T) {
	for _, tt := range []struct {
		body  string
		kind  fault.Kind
		field string
	}{
		{`{"content":{"parts":[{"inlineData":{"data":"AA"}}]}}`, fault.Unsupported, "content.parts[0].inlineData"},
		{`{"content":{},"requests":[]}`, fault.Malformed, "content"},
		{`{"requests":[{"taskType":"CLUSTERING"},{"taskType":"CLASSIFICATION"}]}`, fault.Unsupported, "requests[1]"},
		{`{"requests":[{"surprise":1}]}`, fault.Unsupported, "requests[0].surprise"},
	} {
		_, err := gemini.Server{}.DecodeEmbed(inbound(call.Embeddings, "alias", false, []byte(tt.body)), new(wire.Scanner))
		if f := fault.From(err); err == nil || f.Kind != tt.kind || f.Field != tt.field {
			t.Errorf("%s: %v", tt.body, err)
		}
	}
	l := losses()
	r := &chat.EmbedRequest{Inputs: []chat.Input{{Tokens: []int64{1}}}}
	if _, err := (gemini.Client{}).EncodeEmbed(r, api, l); kindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "inputs[0].tokens") {
		t.Errorf("ids of tokens: %v", err)
	}
	if _, err := (gemini.Client{}).EncodeEmbed(&chat.EmbedRequest{}, api, l); kindOf(err) != fault.Malformed {
		t.Errorf("nothing to embed: %v", err)
	}
	r = &chat.EmbedRequest{Inputs: []chat.Input{{Text: "a"}}, User: "u", Purpose: "search"}
	out, err := gemini.Client{}.EncodeEmbed(r, api, l)
	if err != nil || strings.Contains(string(out.Body), "SEARCH") || len(l.List()) != 2 {
		t.Errorf("%v, %v: %s", err, l.List(), out.Body)
	}
}

func TestEmbedReply_GoesBothWays(t *testing.T) {
	for _, tt := range []struct {
		body, asked, want string
		tokens            int64 // -1: not known
	}{
		{`{"embedding":{"values":[0.1,-2]}}`, `{"content":{}}`, `{"embedding":{"values":[0.1,-2]}}`, -1},
		{`{"embedding":{"values":[0.1]},"truncated":false,"usageMetadata":{"promptTokenCount":3}}`, `{"content":{}}`, `{"embedding":{"values":[0.1]},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3},"truncated":false}`, 3},
		{`{"embeddings":[{"values":[1]},{"values":[2]}]}`, `{"requests":[{},{}]}`, `{"embeddings":[{"values":[1]},{"values":[2]}]}`, -1},
		{`{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4,"truncated":false}}}],"metadata":{"billableCharacterCount":4}}`, `{"requests":[{}]}`, `{"embeddings":[{"values":[1]}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}`, 4},
		{`{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4}}},{"embeddings":{"values":[1]}}]}`, `{"requests":[{},{}]}`, `{"embeddings":[{"values":[1]},{"values":[1]}]}`, -1},
	} {
		r, err := gemini.Client{}.EmbedReply([]byte(tt.body), new(wire.Scanner), api)
		if err != nil {
			t.Fatalf("%v: %s", err, tt.body)
		}
		if tt.tokens < 0 && r.Usage != nil || tt.tokens >= 0 && (r.Usage == nil || r.Usage.Prompt() != tt.tokens) {
			t.Errorf("%s: usage %+v", tt.body, r.Usage)
		}
		out, err := gemini.Server{}.EmbedReply(nil, r, embed(t, tt.asked), &dialect.Answering{})
		if err != nil || string(out) != tt.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, out, tt.want)
		}
	}
	out, err := gemini.Server{}.EmbedReply(nil, &chat.EmbedReply{Vectors: []chat.Vector{{Base64: "AACAPwAAAMA="}}}, embed(t, `{"content":{}}`), &dialect.Answering{})
	if err != nil || string(out) != `{"embedding":{"values":[1,-2]}}` {
		t.Errorf("%s, %v", out, err)
	}
	for _, body := range []string{`{}`, `[]`, `{"embedding":{}}`, `{"embeddings":[]}`, `{"embedding":{"values":"x"}}`, `{`} {
		if r, err := (gemini.Client{}).EmbedReply([]byte(body), new(wire.Scanner), api); kindOf(err) != fault.UpstreamError {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
	if _, err := (gemini.Server{}).EmbedReply(nil, &chat.EmbedReply{Vectors: make([]chat.Vector, 2)}, embed(t, `{"content":{}}`), &dialect.Answering{}); kindOf(err) != fault.UpstreamError {
		t.Errorf("two vectors for one text: %v", err)
	}
}
