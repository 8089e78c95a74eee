package sim

import (
	"net/http"
	"slices"
)

// Azure's own additions to OpenAI's shapes: what its content filter found.

// filterCategories are the categories that every Azure filter has.
func filterCategories() []string { return []string{"hate", "self_harm", "sexual", "violence"} }

// filterResults is what the filter found in a choice: nothing, unless a filter stopped it. Reasoning models report an
// empty object (recorded).
func (w *chatWire) filterResults(filtered bool) object {
	if w.request.model.Reasons && !filtered {
		return object{}
	}
	return filterFindings(filtered, "self_harm")
}

// promptFilter is what the filter found in the prompt; here it looks for attempts to break out too.
func (w *chatWire) promptFilter() []object {
	found := w.filterResults(false)
	if len(found) > 0 {
		found = slices.Insert(found, 1, member{"jailbreak", object{{"filtered", false}, {"detected", false}}})
	}
	return []object{{{"prompt_index", 0}, {"content_filter_results", found}}}
}

func filterFindings(filtered bool, selfHarm string) object {
	out := object{}
	for i, name := range filterCategories() {
		if name == "self_harm" {
			name = selfHarm
		}
		severity := "safe"
		if filtered && i == 0 {
			severity = "high"
		}
		out = append(out, member{name, object{{"filtered", filtered && i == 0}, {"severity", severity}}})
	}
	return out
}

// filteredPrompt is Azure's refusal of a prompt, with the spelling of the one recorded.
func (v *vendor) filteredPrompt() *reply {
	return &reply{status: http.StatusBadRequest, body: encode(object{{"error", object{
		{"message", "The response was filtered due to the prompt triggering Azure's content management policy. Please modify your prompt and retry."},
		{"type", nil}, {"param", "prompt"}, {"code", "content_filter"}, {"status", http.StatusBadRequest},
		{"innererror", object{
			{"code", "ResponsibleAIPolicyViolation"},
			{"content_filter_result", filterFindings(true, "self-harm")},
		}},
	}}})}
}
