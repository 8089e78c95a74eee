package dialect_test

import (
	"testing"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
)

var reliedTable = dialect.Fields{
	{Path: "moderation.**", Fate: dialect.FateRefused},
	{Path: "prediction.**", Fate: dialect.FateOwn},
	{Path: "messages[].function_call.**", Hub: "messages[].function_call", Fate: dialect.FateRefused},
}

func TestRelied_RefusesWhatOnlyItsOwnDialectHas(t *testing.T) {
	own := func(name string) chat.Extra { return chat.Extra{{Dialect: "openai", Name: name, Value: chat.Raw("{}")}} }
	for _, row := range []struct {
		name, want string
		r          chat.Request
	}{
		{"nothing", "", chat.Request{}},
		{"what can be dropped", "", chat.Request{Extra: own("prediction")}},
		{"what is not in the table", "", chat.Request{Extra: own("odd")}},
		{"what is relied on", "moderation", chat.Request{Extra: own("moderation")}},
		{"in a message", "messages[].function_call", chat.Request{Messages: []chat.Message{{}, {Extra: own("function_call")}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := reliedTable.Relied(&row.r, chat.NewLosses("anthropic", reliedTable.Wire, nil))
			if row.want == "" && err != nil || row.want != "" && (err == nil || fault.From(err).Kind != fault.Unsupported || fault.From(err).Field != row.want) {
				t.Errorf("got %v, want a refusal of %q", err, row.want)
			}
			allowing := chat.NewLosses("anthropic", reliedTable.Wire, []string{"moderation", "messages[].function_call"})
			if err := reliedTable.Relied(&row.r, allowing); err != nil {
				t.Errorf("allowed, and yet %v", err)
			}
			if got := len(allowing.List()) > 0; got != (row.want != "") {
				t.Errorf("recorded %v", allowing.List())
			}
		})
	}
}
