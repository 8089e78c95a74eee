package chat_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
)

func TestMarshal_OfARequestIsReadBackWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Request(t, chattest.All())
		b, err := chat.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := new(chat.Request)
		if err := chat.Unmarshal(b, got); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		chattest.Equal(t, got, want)
	})
}

func TestMarshal_KeepsEveryDigitAndByte(t *testing.T) {
	const want = `{"messages":[{"role":"assistant","parts":[{"type":"tool_call","id":"a","name":"f","arguments":"{ \"n\" : 9007199254740993.10 }","state":{"kind":"thought_sig","blob":"a-_+/="}}]}],"tools":[{"kind":"function","name":"f","schema":{"maximum":9007199254740993,"z":1.10,"a":"\u00e9\/"}}],"sampling":{"temperature":0.70,"seed":12345678901234567890}}`
	var r chat.Request
	if err := chat.Unmarshal([]byte(want), &r); err != nil {
		t.Fatal(err)
	}
	got, err := chat.Marshal(&r)
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestUnmarshal_RefusesWhatMarshalNeverWrites(t *testing.T) {
	for _, row := range []struct{ name, json string }{
		{"an unknown name", `{"messges":[]}`},
		{"an unknown type of part", `{"instructions":[{"type":"txt","text":"a"}]}`},
		{"a part without type", `{"instructions":[{"text":"a"}]}`},
		{"a member of another type", `{"instructions":[{"type":"text","text":"a","arguments":"{}"}]}`},
		{"parts of a part that has none", `{"instructions":[{"type":"text","parts":[{"type":"text"}]}]}`},
		{"a number in quotes", `{"sampling":{"temperature":"0.5"}}`},
		{"a name twice", `{"model":"a","model":"b"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := chat.Unmarshal([]byte(row.json), new(chat.Request)); err == nil {
				t.Error("taken")
			}
		})
	}
}

// FuzzUnmarshal: nothing panics; what is read is written, and reads the same.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","parts":[{"type":"tool_result","call_id":"a","error":true,"parts":[{"type":"media","medium":"image","media_type":"image/png","data":"AAAA","cache":{"ttl":"1h"}}]}]}]}`))
	f.Add([]byte(`{"tools":[{"kind":"native","name":"x","native":{"dialect":"anthropic","name":"x","value":{"a":[1.0]}}}],"sampling":{"n":2,"logit_bias":{"1":-1e2}}}`))
	f.Add([]byte(`{"thinking":{"show":false},"format":{"kind":"json_schema","schema":{}},"metadata":{"b":"","a":"\u0000"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r chat.Request
		if chat.Unmarshal(data, &r) != nil {
			return
		}
		once, err := chat.Marshal(&r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		var again chat.Request
		if err := chat.Unmarshal(once, &again); err != nil {
			t.Fatalf("what was written cannot be read: %v: %s", err, once)
		}
		twice, err := chat.Marshal(&again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not stable: %v\n%s\n%s", err, once, twice)
		}
		chat.Turns(r.Messages)
		r.Lead()
	})
}
