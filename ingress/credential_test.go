package ingress_test

import (
	"strings"
	"testing"
)

func TestCredential_IsTakenFromEveryPlaceOfAnSDK(t *testing.T) {
	r := start(t)
	k := r.Key
	for name, lines := range map[string][]string{
		"bearer":                          {"Authorization: Bearer " + k},
		"bearer in small letters":         {"authorization: bearer " + k},
		"bearer with spaces":              {"Authorization: Bearer   " + k + " "},
		"x-api-key":                       {"x-api-key: " + k},
		"api-key":                         {"api-key: " + k},
		"x-goog-api-key":                  {"x-goog-api-key: " + k},
		"everywhere the same":             {"Authorization: Bearer " + k, "x-api-key: " + k, "api-key: " + k, "x-goog-api-key: " + k},
		"the same header twice, the same": {"api-key: " + k, "api-key: " + k},
		"beside an empty one":             {"api-key: " + k, "Authorization: Bearer "},
		"beside another scheme":           {"api-key: " + k, "Authorization: Basic eDp5"},
	} {
		if got := r.raw(r.request("POST /v1/chat/completions", lines...)); got.Status != 200 {
			t.Errorf("%s: got %d %s", name, got.Status, got.Body)
		}
	}
}

func TestCredential_NoneOrSeveralAreRefusedAlike(t *testing.T) {
	r := start(t)
	k := r.Key
	other := k[:len(k)-4] + "aaaa"
	for name, lines := range map[string][]string{
		"none":                       {},
		"empty":                      {"Authorization: Bearer "},
		"without a scheme":           {"Authorization: " + k},
		"another scheme":             {"Authorization: Basic " + k},
		"another key":                {"Authorization: Bearer " + other},
		"an OpenAI key":              {"Authorization: Bearer sk-proj-abc"},
		"cut":                        {"Authorization: Bearer " + k[:len(k)-1]},
		"upper case":                 {"Authorization: Bearer " + strings.ToUpper(k)},
		"with a comma":               {"Authorization: Bearer " + k + "," + k},
		"two that differ":            {"Authorization: Bearer " + k, "api-key: " + other},
		"two that differ, reversed":  {"Authorization: Bearer " + other, "api-key: " + k},
		"two authorizations":         {"Authorization: Bearer " + k, "Authorization: Bearer " + other},
		"two api-keys":               {"api-key: " + other, "api-key: " + k},
		"in the query":               {"X-T: 1"},
		"in a cookie":                {"Cookie: api-key=" + k},
		"very long":                  {"Authorization: Bearer " + strings.Repeat("bk_", 10_000)},
		"proxy authorization":        {"Proxy-Authorization: Bearer " + k},
		"another case of underscore": {"api_key: " + k},
	} {
		t.Run(name, func(t *testing.T) {
			line := "POST /v1/chat/completions"
			if name == "in the query" {
				line += "?api-key=" + k + "&key=" + k
			}
			got := r.raw(r.request(line, lines...))
			if got.Status != 401 || code(t, got) != "unauthenticated" {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
			if strings.Contains(got.Body, k[20:]) || strings.Contains(got.Body, "sk-proj") {
				t.Errorf("the key is repeated: %s", got.Body)
			}
		})
	}
	if n := r.asked.Load(); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}
