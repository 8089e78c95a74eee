package responses_test

import (
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/wire"
)

func relayed(t testing.TB, action call.Action, body string, to *dialect.Upstream) dialect.Relayed {
	t.Helper()
	r, err := responses.Reader{}.Read(&dialect.Inbound{Action: action, Body: []byte(body)}, new(wire.Scanner), dialect.Listener{})
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return r.Relay(to)
}

func TestRelay_ChangesOnlyWhatItMust(t *testing.T) {
	plain, kept := dialect.Upstream{Model: "m"}, dialect.Upstream{Model: "m", Store: true}
	reasons := dialect.Upstream{Model: "m", Reasoning: "effort"}
	const sealed = `"reasoning.encrypted_content"`
	for _, row := range []struct {
		name, body string
		to         dialect.Upstream
		want       string
	}{
		{"the model, and store", `{"model":"a","x":1.0}`, plain, `{"store":false,"model":"m","x":1.0}`},
		{"store is false already", `{ "model" : "a" , "store" : false}`, plain, `{ "model" : "m" , "store" : false}`},
		{"store is true", `{"store":true,"model":"m"}`, plain, `{"store":false,"model":"m"}`},
		{"store is null", `{"store":null,"model":"m"}`, plain, `{"store":false,"model":"m"}`},
		{"store is granted", `{"store":true,"model":"a"}`, kept, `{"store":true,"model":"m"}`},
		{"store is granted and not said", `{"model":"a"}`, kept, `{"model":"m"}`},
		{"no model", `{"store":false,"x":1e400}`, plain, `{"model":"m","store":false,"x":1e400}`},
		{"nothing", ` { } `, plain, ` {"model":"m","store":false } `},
		{"models within", `{"model":"a","store":false,"metadata":{"model":"a","store":"true"}}`, plain, `{"model":"m","store":false,"metadata":{"model":"a","store":"true"}}`},
		{"escapes", `{"mod\u0065l":"\u0061","st\u006fre":true}`, plain, `{"mod\u0065l":"m","st\u006fre":false}`},
		{"a model that reasons", `{"model":"m"}`, reasons, `{"store":false,"include":[` + sealed + `],"model":"m"}`},
		{"a request that reasons", `{"model":"m","reasoning":{"effort":"low"}}`, plain, `{"store":false,"include":[` + sealed + `],"model":"m","reasoning":{"effort":"low"}}`},
		{"a request that does not", `{"model":"m","reasoning":{"effort":"none"}}`, plain, `{"store":false,"model":"m","reasoning":{"effort":"none"}}`},
		{"sealed already", `{"include":[` + sealed + `],"model":"m"}`, reasons, `{"store":false,"include":[` + sealed + `],"model":"m"}`},
		{"include is null", `{"include":null,"model":"m"}`, reasons, `{"store":false,"include":[` + sealed + `],"model":"m"}`},
		{"include is empty", `{"include":[ ],"model":"m"}`, reasons, `{"store":false,"include":[` + sealed + `],"model":"m"}`},
		{"include has others", `{"include": ["file_search_call.results"],"model":"m"}`, reasons, `{"store":false,"include": [` + sealed + `,"file_search_call.results"],"model":"m"}`},
		{"the caller keeps nothing itself", `{"store":false,"model":"m"}`, reasons, `{"store":false,"model":"m"}`},
		{"store is granted to a model that reasons", `{"model":"m"}`, dialect.Upstream{Model: "m", Store: true, Reasoning: "effort"}, `{"model":"m"}`},
		{"a model that needs escapes", `{"store":false,"model":"a"}`, dialect.Upstream{Model: "q\"\\é\n"}, `{"store":false,"model":"q\"\\é\n"}`},
	} {
		out := relayed(t, call.Chat, row.body, &row.to)
		if got := string(out.Body.Append(nil)); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, row.want)
		}
		if out.Body.Len() != len(row.want) {
			t.Errorf("%s: length %d", row.name, out.Body.Len())
		}
	}
	if got := relayed(t, call.CountTokens, `{"input":"a","model":"b"}`, &reasons); string(got.Body.Append(nil)) != `{"input":"a","model":"m"}` {
		t.Errorf("a count becomes %s", got.Body.Append(nil))
	}
}

func TestRelay_KnowsTheVendorsPaths(t *testing.T) {
	for _, row := range []struct {
		to     dialect.Upstream
		action call.Action
		want   string
	}{
		{dialect.Upstream{}, call.Chat, "/responses"},
		{dialect.Upstream{Surface: "v1"}, call.CountTokens, "/responses/input_tokens"},
		{dialect.Upstream{Surface: "v1", APIVersion: "preview"}, call.Chat, "/responses?api-version=preview"},
		{dialect.Upstream{Surface: "deployments", URL: "https://a.example", APIVersion: "2025-04-01-preview"}, call.Chat, "/openai/responses?api-version=2025-04-01-preview"},
		{dialect.Upstream{Surface: "deployments", URL: "https://a.example/openai/", APIVersion: "a b"}, call.Chat, "/responses?api-version=a+b"},
	} {
		if got := relayed(t, row.action, `{"model":"a"}`, &row.to).Path; got != row.want {
			t.Errorf("%+v: got %s, want %s", row.to, got, row.want)
		}
	}
}
