package clients_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
)

// refused calls, expects the SDK's own error with status and code, and counts
// the calls that reached a vendor.
func refused(t *testing.T, status int, code string, calls int, call func() error) *openai.Error {
	t.Helper()
	err := call()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *openai.Error", err)
	}
	if e.StatusCode != status || e.Code != code || e.Message == "" {
		t.Fatalf("got %d %q %q, want %d %q", e.StatusCode, e.Code, e.Message, status, code)
	}
	h := e.Response.Header
	if id := h.Get("x-request-id"); id == "" || id != h.Get("Bulkhead-Call") {
		t.Errorf("got request id %q, call %q", id, h.Get("Bulkhead-Call"))
	}
	if own := h.Get("Bulkhead-Error"); own != "" && (own != code || !strings.Contains(e.Message, h.Get("Bulkhead-Call"))) {
		t.Errorf("got Bulkhead-Error %q and message %q, want %q and the call's id", own, e.Message, code)
	}
	if n := len(record(t)); n != calls {
		t.Errorf("%d calls reached a vendor, want %d", n, calls)
	}
	return e
}

func create(t *testing.T, c openai.Client, params openai.ChatCompletionNewParams, more ...option.RequestOption) func() error {
	return func() error {
		_, err := c.Chat.Completions.New(t.Context(), params, more...)
		return err
	}
}

func TestErrors_OfBulkhead(t *testing.T) {
	hello := asking("chat", "Hello")
	for _, row := range []struct {
		name   string
		status int
		code   string
		call   func() error
	}{
		{"400", 400, "malformed", create(t, plain(), hello, option.WithJSONSet("temperature", "hot"))},
		{"400 unknown tool", 400, "unsupported_parameter", create(t, plain(), hello, option.WithJSONSet("tools", []object{{"type": "teleport"}}))},
		{"401", 401, "unauthenticated", create(t, plain(option.WithAPIKey("sk-wrong")), hello)},
		{"403 hosted tool", 403, "no_eligible_offering", create(t, plain(), hello, option.WithJSONSet("tools", []object{{"type": "web_search"}}))},
		{"403 search options", 403, "no_eligible_offering", create(t, plain(), hello, option.WithJSONSet("web_search_options", object{}))},
		{"404", 404, "model_not_found", create(t, plain(), asking("gpt-4o", "Hello"))},
		{"404 Azure", 404, "model_not_found", create(t, azureClient(), asking("gpt-4o", "Hello"))},
		{"404 route", 404, "unsupported_route", func() error {
			c := plain()
			_, err := c.Moderations.New(t.Context(), openai.ModerationNewParams{Input: openai.ModerationNewParamsInputUnion{OfString: openai.String("a")}})
			return err
		}},
		{"405", 405, "method_not_allowed", func() error {
			c := plain()
			_, err := c.Models.Delete(t.Context(), "chat")
			return err
		}},
		{"413", 413, "too_large", create(t, plain(), asking("chat", strings.Repeat("a", 3<<20)))},
		{"415", 415, "unsupported_media_type", create(t, plain(), hello, option.WithHeader("Content-Type", "text/plain"))},
	} {
		t.Run(row.name, func(t *testing.T) {
			fresh(t)
			refused(t, row.status, row.code, 0, row.call)
		})
	}
}

func TestErrors_OfVendors(t *testing.T) {
	for _, row := range []struct {
		vendor, status int
		code           string
		calls          int // one offering: the SDK may try again
		twin           int // two offerings: Bulkhead has tried the other one
	}{
		{422, 422, "", 1, 1},
		{429, 429, "upstream_rate_limited", 3, 6}, // a limit passes: the SDK may try both again
		{500, 502, "upstream_error", 3, 2},
		{502, 502, "upstream_error", 3, 2},
		{503, 503, "upstream_unavailable", 3, 2},
		{401, 502, "upstream_misconfigured", 1, 2},
	} {
		t.Run(fmt.Sprint(row.vendor), func(t *testing.T) {
			what := object{"status": row.vendor, "headers": object{"retry-after-ms": "20"}}
			fresh(t)
			fault(t, what)
			e := refused(t, row.status, row.code, row.calls, create(t, plain(), asking("chat", "Hello")))
			if own := row.code != ""; own == strings.Contains(e.Message, "Simulated") {
				t.Errorf("got message %q; a vendor's own words only for its 400, 413 and 422", e.Message)
			}
			fresh(t)
			fault(t, what)
			refused(t, row.status, row.code, row.twin, create(t, plain(), asking("chat-twin", "Hello")))
		})
	}
	t.Run("too slow", func(t *testing.T) {
		fresh(t)
		fault(t, object{"delay_header": "5s"})
		refused(t, 504, "upstream_timeout", 1, create(t, plain(option.WithMaxRetries(0)), asking("chat-hasty", "Hello")))
	})
}

func TestBrokenStreams(t *testing.T) {
	for name, row := range map[string]struct {
		what object
		code string
	}{
		"cut":             {object{"cut_after_chunks": 5}, "upstream_error"},
		"reset":           {object{"reset_after_chunks": 5}, "upstream_error"},
		"early end":       {object{"end_after_chunks": 5}, "upstream_error"},
		"no end marker":   {object{"no_end_marker": true}, "upstream_error"},
		"malformed chunk": {object{"malformed_chunk": 5}, "upstream_error"},
		"stall":           {object{"stall_after_chunks": 5}, "upstream_timeout"},
		"vendor's own":    {object{"error_after_chunks": 5}, "server_error"},
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t)
			fault(t, row.what)
			c := plain()
			s := c.Chat.Completions.NewStreaming(t.Context(), asking("chat-hasty", "Tell me of ships in 60 words"))
			text := ""
			for s.Next() {
				if chunk := s.Current(); len(chunk.Choices) > 0 {
					text += chunk.Choices[0].Delta.Content
				}
			}
			var e *ssestream.StreamError
			if !errors.As(s.Err(), &e) || !strings.Contains(e.Error(), row.code) {
				t.Errorf("got %v, want a *ssestream.StreamError that says %s", s.Err(), row.code)
			}
			if text == "" || len(record(t)) != 1 {
				t.Errorf("got %q in %d calls, want a part of one answer", text, len(record(t)))
			}
		})
	}
}

// After 15 s of silence a stream is kept alive by comments, so that its status
// is out: what comes then comes in-band.
func TestStreamThatBeginsLate(t *testing.T) {
	fresh(t)
	control(t, "POST", "faults", []object{
		{"match": object{"model": "gpt-4o"}, "fault": object{"delay_header": "16s"}},
		{"match": object{"model": "gpt-5-nano"}, "fault": object{"delay_header": "16s", "status": 500}},
	})
	var good, bad *ssestream.Stream[openai.ChatCompletionChunk]
	text := ""
	var both sync.WaitGroup
	c := plain()
	both.Go(func() {
		for good = c.Chat.Completions.NewStreaming(t.Context(), asking("chat", "Tell me of ships")); good.Next(); {
			if chunk := good.Current(); len(chunk.Choices) > 0 {
				text += chunk.Choices[0].Delta.Content
			}
		}
	})
	both.Go(func() {
		for bad = c.Chat.Completions.NewStreaming(t.Context(), asking("chat-thinks", "Tell me of ships")); bad.Next(); {
			t.Errorf("got %s of a vendor that failed", bad.Current().RawJSON())
		}
	})
	both.Wait()
	if good.Err() != nil || !strings.Contains(text, "ships") {
		t.Errorf("got %q and %v, want an answer", text, good.Err())
	}
	var e *ssestream.StreamError
	if !errors.As(bad.Err(), &e) || !strings.Contains(e.Error(), "upstream_error") {
		t.Errorf("got %v, want a *ssestream.StreamError that says upstream_error", bad.Err())
	}
}

func TestLeaving(t *testing.T) {
	midway := func(what object) func() time.Time {
		return func() time.Time {
			fault(t, what)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := plain()
			s := c.Chat.Completions.NewStreaming(ctx, asking("chat", "Tell me of ships in 60 words"))
			for range 3 {
				if !s.Next() {
					t.Fatal(s.Err())
				}
			}
			left := time.Now()
			cancel()
			if s.Next() && s.Next() && s.Next() && s.Next() && s.Next() && s.Next() || !errors.Is(s.Err(), context.Canceled) {
				t.Errorf("got %v, want that it was cancelled", s.Err())
			}
			return left
		}
	}
	t.Run("silent stream", func(t *testing.T) { leaves(t, midway(object{"stall_after_chunks": 8})) })
	t.Run("flowing stream", func(t *testing.T) { leaves(t, midway(object{"pace": "20ms"})) })
	t.Run("closed stream", func(t *testing.T) {
		leaves(t, func() time.Time {
			fault(t, object{"stall_after_chunks": 8})
			c := plain()
			s := c.Chat.Completions.NewStreaming(t.Context(), asking("chat", "Tell me of ships in 60 words"))
			s.Next()
			left := time.Now()
			s.Close()
			return left
		})
	})
	t.Run("before the header", func(t *testing.T) {
		leaves(t, func() time.Time {
			fault(t, object{"delay_header": "20s"})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			c := plain(option.WithMaxRetries(0))
			if _, err := c.Chat.Completions.New(ctx, asking("chat", "Hello")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want that time ran out", err)
			}
			deadline, _ := ctx.Deadline()
			return deadline
		})
	})
}
