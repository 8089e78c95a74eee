package gateway_test

import (
	"strings"
	"testing"

	"bulkhead/call"
)

func TestGrants_OnlyAnOfferingThatGrantsItIsAsked(t *testing.T) {
	part := func(p string) string {
		return `{"model":"chat","messages":[{"role":"user","content":[` + p + `]}]}`
	}
	for _, row := range []struct {
		name, body string
		needs      call.Capability
		field      string
	}{
		{"web search", chat(`"tools":[{"type":"web_search"}]`), call.WebSearch, "tools[0].type"},
		{"web search options", chat(`"web_search_options":{}`), call.WebSearch, "web_search_options"},
		{"mcp", chat(`"tools":[{"type":"mcp","server_url":"https://example.gov"}]`), call.HostedMCP, "tools[0].type"},
		{"file search", chat(`"tools":[{"type":"file_search"}]`), call.FileSearch, "tools[0].type"},
		{"code interpreter", chat(`"tools":[{"type":"code_interpreter"}]`), call.CodeInterpreter, "tools[0].type"},
		{"image generation", chat(`"tools":[{"type":"image_generation"}]`), call.ImageGeneration, "tools[0].type"},
		{"computer use", chat(`"tools":[{"type":"computer_use_preview"}]`), call.ComputerUse, "tools[0].type"},
		{"an image by address", part(`{"type":"image_url","image_url":{"url":"https://example.gov/a.png"}}`), call.RemoteURL, "messages[0].content[0].image_url.url"},
		{"an image by address, as a string", part(`{"type":"image_url","image_url":"https://example.gov/a.png"}`), call.RemoteURL, "messages[0].content[0].image_url"},
		{"an image by address, escaped", part(`{"type":"image_url","image_url":{"url":"\u0068ttp:\/\/example.gov"}}`), call.RemoteURL, "messages[0].content[0].image_url.url"},
		{"a file by id", part(`{"type":"file","file":{"file_id":"file-1"}}`), call.FileID, "messages[0].content[0].file.file_id"},
		{"data sources", chat(`"data_sources":[{"type":"azure_search"}]`), call.DataSources, "data_sources"},
		{"an earlier sound", `{"model":"chat","messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}`, call.ConversationID, "messages[0].audio.id"},
		{"a router's models", chat(`"models":["x"]`), call.VendorFallback, "models"},
		{"a router's route", chat(`"route":"fallback"`), call.VendorFallback, "route"},
		{"a cache for a day", chat(`"prompt_cache_retention":"24h"`), call.Store, "prompt_cache_retention"},
	} {
		t.Run(row.name, func(t *testing.T) {
			without, with := newVendor(t, ok), newVendor(t, ok)
			// Another grant is none for this.
			other := call.WebSearch
			if row.needs == other {
				other = call.FileID
			}
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: without.URL, Grants: []call.Capability{other}}))
			e := refused(t, r.Post("/v1/chat/completions", row.body), 403, "no_eligible_offering")
			if len(e.Bulkhead.Reasons) != 1 {
				t.Fatalf("reasons %+v", e.Bulkhead.Reasons)
			}
			why := e.Bulkhead.Reasons[0]
			if why.Offering != "one/m" || why.Rule != "capability" || why.Source != "clouds/acme.yaml:10" || !strings.Contains(why.Why, string(row.needs)) || !strings.Contains(why.Why, row.field) {
				t.Errorf("reason %+v", why)
			}
			if rec := r.Record(); len(rec.Attempts) != 0 || rec.Kind != "no_eligible_offering" {
				t.Errorf("record %+v", rec)
			}
			r.Gateway.Use(estateOf("b", []string{"chat"}, offer{Name: "one", URL: without.URL}, offer{Name: "two", URL: with.URL, Grants: []call.Capability{row.needs}}), nil)
			if got := r.Post("/v1/chat/completions", row.body); got.Status != 200 || got.Header.Get("Bulkhead-Offering") != "two/m" {
				t.Errorf("with the grant: got %d %s", got.Status, got.Body)
			}
			if len(without.Seen()) != 0 {
				t.Errorf("the vendor without the grant was sent %s", without.Seen()[0].Body)
			}
			if sent := string(with.Only().Body); sent != strings.Replace(row.body, `"chat"`, `"vendor-model"`, 1) {
				t.Errorf("sent %s", sent)
			}
		})
	}
}

// An offering that grants a capability may fail; one that does not is not its
// stand-in.
func TestGrants_HoldForFailoverToo(t *testing.T) {
	broken, without := newVendor(t, says(502, jsonType, "{}")), newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: broken.URL, Grants: []call.Capability{call.WebSearch}}, offer{Name: "two", URL: without.URL}))
	refused(t, r.Post("/v1/chat/completions", chat(`"web_search_options":{}`)), 502, "upstream_error")
	if len(without.Seen()) != 0 || len(broken.Seen()) != 1 {
		t.Errorf("asked %d and %d times", len(broken.Seen()), len(without.Seen()))
	}
}

func TestStore_GoesUpAsFalseUnlessGranted(t *testing.T) {
	for _, row := range []struct {
		name, member string
		grants       []call.Capability
		want         string
	}{
		{"true", `"store":true`, nil, `"store":false`},
		{"true, spaced", `"store" : true `, nil, `"store" : false `},
		{"true, escaped", `"\u0073tore":true`, nil, `"\u0073tore":false`},
		{"true, granted", `"store":true`, []call.Capability{call.Store}, `"store":true`},
		{"false", `"store":false`, nil, `"store":false`},
		{"null", `"store":null`, nil, `"store":null`},
		{"within metadata", `"metadata":{"store":true}`, nil, `"metadata":{"store":true}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := newVendor(t, ok)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Grants: row.grants}))
			if got := r.Post("/v1/chat/completions", chat(row.member)); got.Status != 200 {
				t.Fatalf("got %d %s", got.Status, got.Body)
			}
			if want := strings.Replace(chat(row.want), `"chat"`, `"vendor-model"`, 1); string(v.Only().Body) != want {
				t.Errorf("sent %s\nwant %s", v.Only().Body, want)
			}
		})
	}
}

// Two offerings that differ in what they grant are sent different bytes of one call.
func TestStore_IsDecidedForEachAttempt(t *testing.T) {
	keeps, not := newVendor(t, says(502, jsonType, "{}")), newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: keeps.URL, Grants: []call.Capability{call.Store}}, offer{Name: "two", URL: not.URL}))
	if got := r.Post("/v1/chat/completions", chat(`"store":true`)); got.Status != 200 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if !strings.Contains(string(keeps.Only().Body), `"store":true`) || !strings.Contains(string(not.Only().Body), `"store":false`) {
		t.Errorf("sent %s and %s", keeps.Only().Body, not.Only().Body)
	}
}

func TestUnknownFields_PassOrAreRefusedAsTheWorkloadSays(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	r := start(t, e)
	body := chat(`"top_k":40`, `"x":{"deep":[1e400,-0.0,"\u00e9"]}`)
	if got := r.Post("/v1/chat/completions", body); got.Status != 200 {
		t.Errorf("pass: got %d %s", got.Status, got.Body)
	}
	if want := strings.Replace(body, `"chat"`, `"vendor-model"`, 1); string(v.Only().Body) != want {
		t.Errorf("sent %s\nwant %s", v.Only().Body, want)
	}
	for _, policy := range []string{"refuse", ""} {
		e := estateOf("b", []string{"chat"}, offer{Name: "one", URL: v.URL})
		e.Workloads["w"].UnknownFields = policy
		r.Gateway.Use(e, nil)
		got := refused(t, r.Post("/v1/chat/completions", body), 400, "unsupported_parameter")
		if got.Param == nil || *got.Param != "top_k" {
			t.Errorf("param %v", got.Param)
		}
		if got := r.Post("/v1/chat/completions", chat(`"temperature":1`)); got.Status != 200 {
			t.Errorf("known fields: got %d %s", got.Status, got.Body)
		}
	}
	// Unknown tools and parts are refused whatever the workload says.
	r.Gateway.Use(e, nil)
	for field, body := range map[string]string{
		"tools[0].type":               chat(`"tools":[{"type":"teleport"}]`),
		"messages[0].content[0].type": `{"model":"chat","messages":[{"role":"user","content":[{"type":"smell"}]}]}`,
	} {
		got := refused(t, r.Post("/v1/chat/completions", body), 400, "unsupported_parameter")
		if got.Param == nil || *got.Param != field {
			t.Errorf("param %v, want %s", got.Param, field)
		}
	}
	if n := len(v.Seen()); n != 3 {
		t.Errorf("the vendor was asked %d times, want 3", n)
	}
}

func TestDialects_OfferingsOfOthersAreNotAsked(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Endpoints[0].Dialect = "semaphore"
	r := start(t, e)
	got := refused(t, r.Post("/v1/chat/completions", chat()), 403, "no_eligible_offering")
	if len(got.Bulkhead.Reasons) != 1 || got.Bulkhead.Reasons[0].Rule != "dialect" || len(v.Seen()) != 0 {
		t.Errorf("reasons %+v, asked %d times", got.Bulkhead.Reasons, len(v.Seen()))
	}
}
