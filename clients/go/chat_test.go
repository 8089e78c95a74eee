package clients_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

const tell = "Tell me of harbours and lighthouses"

func unary(t *testing.T, c openai.Client, alias string) *openai.ChatCompletion {
	t.Helper()
	reply, err := c.Chat.Completions.New(t.Context(), asking(alias, tell))
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.Choices[0]; got.FinishReason != "stop" || !strings.Contains(got.Message.Content, "harbours") {
		t.Errorf("got %+v, want a whole answer about harbours", got)
	}
	if reply.ID == "" || reply.Usage.PromptTokens == 0 || reply.Usage.TotalTokens != reply.Usage.PromptTokens+reply.Usage.CompletionTokens {
		t.Errorf("got id %q and usage %+v", reply.ID, reply.Usage)
	}
	return reply
}

// stream checks raw chunks and the accumulator, with and without usage.
func stream(t *testing.T, c openai.Client, alias string) {
	t.Helper()
	whole := unary(t, c, alias)
	for _, ask := range []bool{false, true} {
		params := asking(alias, tell)
		if ask {
			params.StreamOptions.IncludeUsage = openai.Bool(true)
		}
		var acc openai.ChatCompletionAccumulator
		usages := 0
		s := c.Chat.Completions.NewStreaming(t.Context(), params)
		for s.Next() {
			chunk := s.Current()
			if !acc.AddChunk(chunk) {
				t.Fatalf("the accumulator refuses %s", chunk.RawJSON())
			}
			// Some compatible servers put usage on the chunk that finishes, if
			// asked, and Bulkhead asks; no chunk is added.
			if chunk.Usage.PromptTokens > 0 && (ask || alias != "chat-local" || len(chunk.Choices) == 0) {
				usages++
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if got, want := acc.Choices[0].Message.Content, whole.Choices[0].Message.Content; got != want {
			t.Errorf("streamed %q, want %q", got, want)
		}
		switch {
		case ask && (usages != 1 || acc.Usage.CompletionTokens != whole.Usage.CompletionTokens):
			t.Errorf("got %d usage chunks and %+v, want one with %+v", usages, acc.Usage, whole.Usage)
		case !ask && usages != 0:
			t.Errorf("got %d usage chunks that nobody asked for", usages)
		}
	}
}

func TestChat(t *testing.T) {
	for _, alias := range []string{"chat", "chat-azure", "chat-azure-v1", "chat-bedrock", "chat-local", "chat-twin"} {
		t.Run(alias, func(t *testing.T) {
			fresh(t)
			stream(t, plain(), alias)
		})
	}
}

func TestAzure(t *testing.T) {
	t.Run("endpoint", func(t *testing.T) {
		fresh(t)
		stream(t, azureClient(), "chat-azure")
		stream(t, azureClient(), "chat")
	})
	t.Run("v1 with the plain client", func(t *testing.T) {
		fresh(t)
		stream(t, plain(option.WithBaseURL(gatewayURL()+"/openai/v1")), "chat-azure")
	})
	t.Run("wrong key", func(t *testing.T) {
		fresh(t)
		c := openai.NewClient(azure.WithEndpoint(gatewayURL(), apiVersion), azure.WithAPIKey("wrong"), azure.WithUnsafeAllowHTTP())
		refused(t, 401, "unauthenticated", 0, create(t, c, asking("chat-azure", tell)))
	})
}

func TestEnvironment(t *testing.T) {
	fresh(t)
	t.Setenv("OPENAI_BASE_URL", gatewayURL()+"/v1")
	t.Setenv("OPENAI_API_KEY", key())
	unary(t, openai.NewClient(), "chat")
}

// A client speaks HTTP/2 where there is TLS, and without TLS if it is told to.
func TestHTTP2(t *testing.T) {
	fresh(t)
	client := http.DefaultClient
	if strings.HasPrefix(gatewayURL(), "http:") {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &protocols}
		defer transport.CloseIdleConnections()
		client = &http.Client{Transport: transport}
	}
	var res *http.Response
	unary(t, plain(option.WithHTTPClient(client), option.WithResponseInto(&res)), "chat")
	if res.ProtoMajor != 2 {
		t.Errorf("got %s, want HTTP/2", res.Proto)
	}
	stream(t, plain(option.WithHTTPClient(client)), "chat")
}

func TestHeaders(t *testing.T) {
	fresh(t)
	var res *http.Response
	c := plain(option.WithResponseInto(&res), option.WithOrganization("org-mine"), option.WithProject("proj-mine"))
	unary(t, c, "chat")
	if id := res.Header.Get("x-request-id"); id == "" || id != res.Header.Get("Bulkhead-Call") {
		t.Errorf("got request id %q, call %q", id, res.Header.Get("Bulkhead-Call"))
	}
	for _, name := range []string{"openai-organization", "openai-project", "x-stainless-lang"} {
		if v := record(t)[0].Headers[name]; v != nil {
			t.Errorf("the vendor got %s: %v", name, v)
		}
	}
}

var weather = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
	Name: "get_weather",
	Parameters: shared.FunctionParameters{
		"type": "object", "properties": object{"city": object{"type": "string"}}, "required": []string{"city"}, "additionalProperties": false,
	},
	Strict: openai.Bool(true),
})

func cities(t *testing.T, m openai.ChatCompletionMessage) []string {
	t.Helper()
	var out []string
	for _, call := range m.ToolCalls {
		var args struct{ City string }
		if err := json.Unmarshal([]byte(call.Function.Arguments), &args); err != nil {
			t.Fatal(err)
		}
		out = append(out, args.City)
	}
	return out
}

func TestTools(t *testing.T) {
	for _, alias := range []string{"chat", "chat-azure", "chat-bedrock", "chat-local"} {
		t.Run(alias, func(t *testing.T) {
			fresh(t)
			c := plain()
			params := asking(alias, "What is the weather in Paris and Rome?")
			params.Tools = []openai.ChatCompletionToolUnionParam{weather}
			reply, err := c.Chat.Completions.New(t.Context(), params)
			if err != nil {
				t.Fatal(err)
			}
			message := reply.Choices[0].Message
			if got := cities(t, message); !slices.Equal(got, []string{"Paris", "Rome"}) {
				t.Fatalf("called for %q, want Paris and Rome", got)
			}
			var acc openai.ChatCompletionAccumulator
			s := c.Chat.Completions.NewStreaming(t.Context(), params)
			for s.Next() {
				acc.AddChunk(s.Current())
			}
			if err := s.Err(); err != nil {
				t.Fatal(err)
			}
			if got := cities(t, acc.Choices[0].Message); !slices.Equal(got, []string{"Paris", "Rome"}) {
				t.Errorf("streamed calls for %q, want Paris and Rome", got)
			}
			params.Messages = append(params.Messages, message.ToParam())
			for _, call := range message.ToolCalls {
				params.Messages = append(params.Messages, openai.ToolMessage("17 degrees and drizzle", call.ID))
			}
			last, err := c.Chat.Completions.New(t.Context(), params)
			if err != nil {
				t.Fatal(err)
			}
			if got := last.Choices[0].Message.Content; !strings.Contains(got, "drizzle") {
				t.Errorf("got %q, want what the tools said", got)
			}
		})
	}
}

func TestStructuredOutput(t *testing.T) {
	fresh(t)
	params := asking("chat", "Solve 8x + 7 = 23")
	params.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
		Name: "solution", Strict: openai.Bool(true),
		Schema: object{
			"type": "object", "properties": object{"answer": object{"type": "string"}, "steps": object{"type": "array", "items": object{"type": "string"}}},
			"required": []string{"answer", "steps"}, "additionalProperties": false,
		},
	}}
	c := plain()
	reply, err := c.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Answer string
		Steps  []string
	}
	if err := json.Unmarshal([]byte(reply.Choices[0].Message.Content), &got); err != nil || got.Answer == "" || len(got.Steps) == 0 {
		t.Errorf("got %q (%v), want JSON of the schema", reply.Choices[0].Message.Content, err)
	}
}

func TestEmbeddings(t *testing.T) {
	for alias, size := range map[string]int{"embed": 1536, "embed-azure": 1536, "embed-local": 768} {
		t.Run(alias, func(t *testing.T) {
			fresh(t)
			clients := []openai.Client{plain()}
			if alias == "embed-azure" {
				clients = append(clients, azureClient())
			}
			for _, c := range clients {
				reply, err := c.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
					Model: alias, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a ship", "a lighthouse"}},
				})
				if err != nil {
					t.Fatal(err)
				}
				if len(reply.Data) != 2 || len(reply.Data[0].Embedding) != size || slices.Equal(reply.Data[0].Embedding, reply.Data[1].Embedding) {
					t.Errorf("got %d vectors of %d, want two that differ of %d", len(reply.Data), len(reply.Data[0].Embedding), size)
				}
			}
		})
	}
	t.Run("dimensions", func(t *testing.T) {
		fresh(t)
		c := plain()
		reply, err := c.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
			Model: "embed", Input: openai.EmbeddingNewParamsInputUnion{OfString: openai.String("a ship")}, Dimensions: openai.Int(64),
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(reply.Data[0].Embedding); n != 64 {
			t.Errorf("got %d dimensions, want 64", n)
		}
	})
}

func TestModels(t *testing.T) {
	for name, c := range map[string]openai.Client{"plain": plain(), "azure": azureClient(), "v1": plain(option.WithBaseURL(gatewayURL() + "/openai/v1"))} {
		t.Run(name, func(t *testing.T) {
			fresh(t)
			var ids []string
			pages := c.Models.ListAutoPaging(t.Context())
			for pages.Next() {
				ids = append(ids, pages.Current().ID)
			}
			if err := pages.Err(); err != nil {
				t.Fatal(err)
			}
			if len(ids) != 13 || !slices.Contains(ids, "chat-azure-v1") {
				t.Errorf("got %q, want the workload's 13 aliases", ids)
			}
			one, err := c.Models.Get(t.Context(), "chat-azure-v1")
			if err != nil {
				t.Fatal(err)
			}
			if one.ID != "chat-azure-v1" {
				t.Errorf("got %+v", one)
			}
			refused(t, 404, "model_not_found", 0, func() error { _, err := c.Models.Get(t.Context(), "gpt-4o"); return err })
		})
	}
}
