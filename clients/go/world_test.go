// Package clients_test holds openai-go against the real binary. It needs
// BULKHEAD_URL, BULKHEAD_SIM and BULKHEAD_KEY; `go test ./clients` at the
// project's root sets them. It is a module of its own, so that the SDK's
// dependencies are none of the product's.
package clients_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
)

const apiVersion = "2024-10-21"

func gatewayURL() string { return os.Getenv("BULKHEAD_URL") }
func key() string        { return os.Getenv("BULKHEAD_KEY") }

// seen is what a vendor recorded of one call.
type seen struct {
	Path     string              `json:"path"`
	Body     string              `json:"body"`
	BodyAt   *time.Time          `json:"body_at"`
	Headers  map[string][]string `json:"headers"`
	Status   int                 `json:"status"`
	Left     bool                `json:"left"`
	LeftAt   time.Time           `json:"left_at"`
	Proto    string              `json:"proto"`
	Complete bool                `json:"complete"`
}

func control(t *testing.T, method, path string, body any) []byte {
	t.Helper()
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, os.Getenv("BULKHEAD_SIM")+"/_sim/"+path, payload)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %v %s", method, path, res.StatusCode, err, out)
	}
	return out
}

// record is what the vendors saw since fresh, oldest first.
func record(t *testing.T) []seen {
	t.Helper()
	var out []seen
	if err := json.Unmarshal(control(t, "GET", "record", nil), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// fresh lets a test begin without faults and with an empty record.
func fresh(t *testing.T) {
	t.Helper()
	if os.Getenv("BULKHEAD_URL") == "" {
		t.Skip("BULKHEAD_URL is not set: run `go test ./clients` at the project's root")
	}
	control(t, "DELETE", "faults", nil)
	control(t, "DELETE", "record", nil)
}

type object = map[string]any

// fault makes the vendors' next calls go wrong.
func fault(t *testing.T, what object) {
	t.Helper()
	control(t, "POST", "faults", []object{{"fault": what}})
}

// until waits for a call at the vendors that want is true of.
func until(t *testing.T, want func(seen) bool) seen {
	t.Helper()
	for late := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all := record(t)
		if i := slices.IndexFunc(all, want); i >= 0 {
			return all[i]
		}
		if time.Now().After(late) {
			t.Fatalf("no such call within 5 s among %+v", all)
		}
	}
}

// leaves tries a way of leaving several times. leave gives the instant at which
// it left; the vendor must see every one, and half of them within 100 ms, so
// that a busy machine is not a failure.
func leaves(t *testing.T, leave func() time.Time) {
	t.Helper()
	var delays []time.Duration
	for range 5 {
		fresh(t)
		left := leave()
		delays = append(delays, until(t, func(s seen) bool { return s.Left }).LeftAt.Sub(left))
	}
	slices.Sort(delays)
	if delays[2] > 100*time.Millisecond {
		t.Errorf("the vendor saw it after %v", delays)
	}
}

func plain(more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{option.WithBaseURL(gatewayURL() + "/v1"), option.WithAPIKey(key())}, more...)...)
}

func azureClient(more ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{
		azure.WithEndpoint(gatewayURL(), apiVersion), azure.WithAPIKey(key()), azure.WithUnsafeAllowHTTP(),
	}, more...)...)
}

func asking(alias, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: alias, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}
