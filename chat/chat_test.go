package chat_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
)

func result(id string) chat.Part {
	return chat.Part{Content: chat.ToolResult{CallID: id, Parts: []chat.Part{chat.Say("r")}}}
}

func TestTurns_MergesNeighboursAndPutsResultsFirst(t *testing.T) {
	in := []chat.Message{
		{Role: chat.User, Parts: []chat.Part{chat.Say("a")}},
		{Role: chat.Assistant},
		{Role: chat.User, Parts: []chat.Part{chat.Say("b"), result("x")}},
		{Role: chat.User, Parts: []chat.Part{result("y")}},
		{Role: chat.Assistant, Parts: []chat.Part{chat.Say("c")}},
	}
	was, err := chat.Marshal(&chat.Request{Messages: in})
	if err != nil {
		t.Fatal(err)
	}
	got := chat.Turns(in)
	want := []chat.Message{{Role: chat.User, Parts: []chat.Part{result("x"), result("y"), chat.Say("a"), chat.Say("b")}}, in[4]}
	chattest.Equal(t, &chat.Request{Messages: got}, &chat.Request{Messages: want})
	if is, _ := chat.Marshal(&chat.Request{Messages: in}); string(is) != string(was) {
		t.Errorf("what it was given is changed:\n%s\n%s", is, was)
	}
}

func TestTurns_TwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := chat.Turns(chattest.Request(t, chattest.All()).Messages)
		chattest.Equal(t, &chat.Request{Messages: chat.Turns(once)}, &chat.Request{Messages: once})
		for i := 1; i < len(once); i++ {
			if once[i].Role == once[i-1].Role {
				t.Fatal("neighbours of one role")
			}
		}
	})
}

func TestLead_TakesOnlyWhatLeads(t *testing.T) {
	r := chat.Request{Instructions: []chat.Part{chat.Say("1")}, Messages: []chat.Message{
		{Role: chat.System, Parts: []chat.Part{chat.Say("2")}}, {Role: chat.Developer, Parts: []chat.Part{chat.Say("3")}},
		{Role: chat.User, Parts: []chat.Part{chat.Say("u")}}, {Role: chat.System, Parts: []chat.Part{chat.Say("late")}}}}
	parts, rest := r.Lead()
	if text, only := chat.Plain(parts); text != "123" || !only || len(rest) != 2 || rest[1].Role != chat.System {
		t.Errorf("got %q, %v", text, rest)
	}
}

func TestCall_IsTheLatestOfTheID(t *testing.T) {
	turn := func(name string) chat.Message {
		return chat.Message{Role: chat.Assistant, Parts: []chat.Part{{Content: chat.ToolCall{ID: "a", Name: name}}}}
	}
	messages := []chat.Message{turn("old"), turn("new"), turn("later")}
	if c, ok := chat.Call(messages, 2, "a"); !ok || c.Name != "new" {
		t.Errorf("got %v, %v", c, ok)
	}
	if _, ok := chat.Call(messages, 9, "b"); ok {
		t.Error("found what is not there")
	}
}

func TestObject_IsNeverBroken(t *testing.T) {
	for _, row := range []struct {
		in, want string
		fit      chat.Fitting
	}{
		{"", "{}", chat.Empty}, {" \n", "{}", chat.Empty}, {`{ "n": 9007199254740993 }`, `{ "n": 9007199254740993 }`, chat.Exact},
		{"[1]", `{"value":[1]}`, chat.Wrapped}, {`"x"`, `{"value":"x"}`, chat.Wrapped}, {`{"a":`, `{"_raw":"{\"a\":"}`, chat.Broken}, {`{"a":1,"a":2}`, `{"_raw":"{\"a\":1,\"a\":2}"}`, chat.Broken},
	} {
		got, fit := chat.ToolCall{Arguments: row.in}.Object()
		if string(got) != row.want || fit != row.fit || !got.IsValid() {
			t.Errorf("%q: got %s, %s", row.in, got, fit)
		}
	}
	if got, fit := (chat.ToolCall{Arguments: "{}", Custom: true}).Object(); string(got) != `{"_raw":"{}"}` || fit != chat.Broken {
		t.Errorf("free text that looks like an object: %s, %s", got, fit)
	}
}

func TestFitID_FitsAndIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.String().Draw(t, "id")
		got := chat.FitID(id)
		if got == "" || len(got) > 64 || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Fatalf("%q does not fit", got)
		}
		if chat.FitID(got) != got || chat.FitID(id) != got {
			t.Fatal("not stable")
		}
	})
	if a, b := chat.FitID("a.b"), chat.FitID("a:b"); a == b {
		t.Error("two ids become one")
	}
}

func TestBudgets_AreThoseOfTheGuide(t *testing.T) {
	for effort, want := range map[string]int64{"none": 0, "minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384} {
		if got, ok := chat.BudgetOf(effort); got != want || !ok {
			t.Errorf("%s: %d, %v", effort, got, ok)
		}
	}
	if _, ok := chat.BudgetOf("much"); ok {
		t.Error("an unknown effort has a budget")
	}
	for budget, want := range map[int64]string{0: "none", 1: "low", 1024: "low", 1025: "medium", 4096: "high", 8192: "xhigh", 8193: "max"} {
		if got := chat.EffortOf(budget); got != want {
			t.Errorf("%d: %s, want %s", budget, got, want)
		}
	}
}

func TestUsage_CountsNothingTwice(t *testing.T) {
	u := chat.Usage{CacheRead: 5, CacheWrite5m: 1000, CacheWrite1h: 322, Output: 2}
	u.Inclusive(1329)
	if u.Input != 2 || u.Prompt() != 1329 || u.Total() != 1331 {
		t.Errorf("got %+v", u)
	}
	u.Inclusive(3)
	if u.Input != 0 {
		t.Errorf("below zero: %+v", u)
	}
}

func TestVector_ReadsAndWritesBothForms(t *testing.T) {
	v := chat.Vector{Values: chat.Raw(`[0.5,-1.25e0,0.1]`)}
	b, err := v.Encoded()
	if err != nil || b != "AAAAPwAAoL/NzMw9" {
		t.Fatalf("got %s, %v", b, err)
	}
	back, err := chat.Vector{Base64: b}.Array()
	if err != nil || string(back) != `[0.5,-1.25,0.1]` {
		t.Errorf("got %s, %v", back, err)
	}
	for _, bad := range []string{"AAAA", "!", "AADAfw=="} {
		if got, err := (chat.Vector{Base64: bad}).Array(); err == nil {
			t.Errorf("%s is a vector: %s", bad, got)
		}
	}
}

func TestDataURL_IsOnlyBase64(t *testing.T) {
	for in, want := range map[string][2]string{"data:image/PNG;base64,AAA=": {"image/png", "AAA="}, "DATA:text/plain;charset=utf-8;BASE64,AA": {"text/plain", "AA"}} {
		if typ, data, ok := chat.DataURL(in); !ok || typ != want[0] || data != want[1] {
			t.Errorf("%s: %s, %s, %v", in, typ, data, ok)
		}
	}
	for _, in := range []string{"https://a/;base64,x", "data:text/plain,abc", "data:"} {
		if _, _, ok := chat.DataURL(in); ok {
			t.Errorf("%s is taken", in)
		}
	}
}

func TestNumber_IsWholeOnlyWhereItIs(t *testing.T) {
	for in, want := range map[chat.Number]int64{"5": 5, "-7": -7, "1.0": 1, "1e3": 1000, "9223372036854775807": 1<<63 - 1} {
		if got, ok := in.Int(); !ok || got != want {
			t.Errorf("%s: %d, %v", in, got, ok)
		}
	}
	for _, in := range []chat.Number{"", "1.5", "1e99", "NaN", "x", "9223372036854775808"} {
		if got, ok := in.Int(); ok {
			t.Errorf("%s: %d", in, got)
		}
	}
	for _, in := range []chat.Number{"", "NaN", "Infinity", "1e999", "0x10", "1_0"} {
		if got, ok := in.Float(); ok {
			t.Errorf("%s: %v", in, got)
		}
	}
}
