package state_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"bulkhead/chat"
	"bulkhead/state"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var (
	us   = state.Owner{Workload: "w", Subject: "k1"}
	turn = []chat.Part{
		{Content: chat.Reasoning{Text: "the tide"}, State: &chat.State{Kind: chat.SignedText, Blob: "c2ln"}},
		chat.Say("I look."),
		{Content: chat.ToolCall{ID: "c1", Name: "tide", Arguments: `{"b":1,"a":2}`}, State: &chat.State{Kind: chat.ThoughtSig, Blob: "dGhv_w=="}},
		{Content: chat.ToolCall{ID: "c2", Name: "tide", Arguments: "{}"}},
	}
)

func nothing(*chat.Part) bool { return false }

func open(t *testing.T, store state.Store, now *time.Time) *state.Memory {
	t.Helper()
	m, err := state.New(t.Context(), state.Options{Key: bytes.Repeat([]byte{1}, state.KeyBytes), Store: store, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func keep(t *testing.T, m *state.Memory) {
	t.Helper()
	kept, ok := state.NewTurn(turn, nothing)
	if !ok {
		t.Fatal("nothing to keep")
	}
	if err := m.Keep(t.Context(), us, state.Minted{Family: "acme:east", Blobs: []string{"dGhv_w=="}, Turns: []state.Turn{kept}}, state.Defaults); err != nil {
		t.Fatal(err)
	}
}

func TestMemory_KnowsAfterARestartAndForgetsInTime(t *testing.T) {
	now, store := noon, state.NewLocal()
	keep(t, open(t, store, &now))
	m := open(t, store, &now) // another process
	call := chat.ToolCall{ID: "c1", Name: "tide", Arguments: ` {"a": 2, "b": 1}`}
	if f, err := m.Minter(t.Context(), us, "dGhv/w"); f != "acme:east" || err != nil {
		t.Errorf("%q, %v", f, err)
	}
	got, err := m.Turn(t.Context(), us, call)
	if err != nil || got == nil || !m.HasTurns("w") {
		t.Fatalf("%v, %v", got, err)
	}
	sent := []chat.Part{turn[1], {Content: turn[2].Content}, {Content: turn[3].Content}}
	want := []chat.Part{turn[0], turn[1], turn[2], turn[3]}
	back := got.Into(sent)
	for i := range back {
		if s := back[i].State; s != nil {
			if s.Minter != "acme:east" {
				t.Errorf("minter %q", s.Minter)
			}
			back[i].State = &chat.State{Kind: s.Kind, Blob: s.Blob}
		}
	}
	if !reflect.DeepEqual(back, want) {
		t.Errorf("got %+v", back)
	}
	now = noon.Add(state.Defaults.Turns)
	if got, _ := m.Turn(t.Context(), us, call); got != nil || m.HasTurns("w") {
		t.Error("the turn did not expire")
	}
	now = noon.Add(state.Defaults.Tags)
	if f, _ := m.Minter(t.Context(), us, "dGhv_w=="); f != "" {
		t.Error("the tag did not expire")
	}
}

func TestMemory_ShowsNothingToOthers(t *testing.T) {
	now := noon
	m := open(t, nil, &now)
	keep(t, m)
	call := turn[2].Content.(chat.ToolCall)
	other := state.Owner{Workload: "x", Subject: "k1"}
	if f, _ := m.Minter(t.Context(), other, "dGhv_w=="); f != "" {
		t.Errorf("another workload sees %q", f)
	}
	for _, o := range []state.Owner{other, {Workload: "w", Subject: "k2"}} {
		if got, _ := m.Turn(t.Context(), o, call); got != nil {
			t.Errorf("%+v sees a turn", o)
		}
	}
	call.Arguments = "{}"
	if got, _ := m.Turn(t.Context(), us, call); got != nil {
		t.Error("a call that the model did not make finds a turn")
	}
}

func FuzzDecode_GivesATurnOrAnError(f *testing.F) {
	f.Add([]byte(`{"v":1,"family":"a","parts":[{"type":"reasoning","text":"x","state":{"kind":"encrypted","blob":"y"}},{"type":"tool_call","id":"c"}]}`))
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := state.Decode(b)
		if (got == nil) == (err == nil) {
			t.Fatalf("%v, %v", got, err)
		}
		if got != nil {
			got.Into(turn)
		}
	})
}
