package main

import (
	"context"
	"log/slog"
	"time"

	"bulkhead/call"
)

// logCall writes the one wide record of a call. Nothing in it is a prompt, a
// key or a vendor's message: names are the estate's, words are constants.
func logCall(log *slog.Logger, r *call.Record) {
	level := slog.LevelInfo
	if r.Ending != call.Complete && r.Status >= 500 {
		level = slog.LevelWarn
	}
	attrs := make([]slog.Attr, 0, 28)
	add := func(a ...slog.Attr) { attrs = append(attrs, a...) }
	word := func(name, v string) {
		if v != "" {
			add(slog.String(name, v))
		}
	}
	add(slog.String("call", string(r.ID)), slog.String("dialect", r.Dialect))
	word("action", string(r.Action))
	word("route", r.Route)
	word("key", r.Key)
	word("workload", r.Workload)
	word("alias", r.Alias)
	word("purpose", r.Purpose)
	word("marking", r.Marking)
	word("offering", r.Offering)
	word("model", r.Model)
	add(slog.Int("status", r.Status), slog.String("ending", string(r.Ending)))
	word("kind", r.Kind)
	word("finish", r.Finish)
	if r.Stream {
		add(slog.Bool("stream", true))
	}
	if r.Usage.Known {
		add(slog.Int64("input_tokens", r.Usage.Input), slog.Int64("output_tokens", r.Usage.Output))
		if r.Usage.CachedInput > 0 {
			add(slog.Int64("cached_input_tokens", r.Usage.CachedInput))
		}
		if r.Usage.Reasoning > 0 {
			add(slog.Int64("reasoning_tokens", r.Usage.Reasoning))
		}
		if r.Usage.Estimated {
			add(slog.Bool("tokens_estimated", true))
		}
	}
	if n := len(r.Attempts); n > 0 {
		word("upstream_request", r.Attempts[n-1].Vendor)
		if n > 1 || r.Attempts[0].Kind != "" {
			add(slog.Any("attempts", r.Attempts))
		}
	}
	if r.SDKRetries > 0 {
		add(slog.Int("sdk_retries", r.SDKRetries))
	}
	add(slog.Int64("bytes_in", r.BytesIn), slog.Int64("bytes_out", r.BytesOut),
		slog.Int64("first_byte_us", int64(r.FirstByte/time.Microsecond)), slog.Int64("took_us", int64(r.Took/time.Microsecond)),
		slog.String("estate", r.Estate))
	log.LogAttrs(context.Background(), level, "call", attrs...)
}
