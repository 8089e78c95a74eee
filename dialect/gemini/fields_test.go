package gemini_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
)

const (
	apiPackage     = "google.ai.generativelanguage.v1beta"
	vertexPackage  = "google.cloud.aiplatform.v1"
	vertexPackage1 = "google.cloud.aiplatform.v1beta1"
)

var requests = []string{"GenerateContentRequest", "CountTokensRequest", "EmbedContentRequest", "BatchEmbedContentsRequest"}

func schemas(t testing.TB) map[string]any {
	t.Helper()
	b, err := os.ReadFile("testdata/schema/gemini-fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFields_ListEveryFieldOfTheVendorsRequestsOnce(t *testing.T) {
	doc := schemas(t)
	var paths []string
	for _, pkg := range []string{apiPackage, vertexPackage, vertexPackage1} {
		for _, m := range requests {
			if _, has := doc[pkg].(map[string]any)["messages"].(map[string]any)[m]; has {
				paths = append(paths, chattest.Proto(t, doc, pkg, m)...)
			}
		}
	}
	slices.Sort(paths)
	chattest.Listed(t, gemini.Server{}.Fields(), slices.Compact(paths))
}

func TestFields_PutLossesIntoTheCallersWords(t *testing.T) {
	wire := gemini.Server{}.Fields().Wire
	for path, want := range map[string]string{
		"messages[3].parts[0].state":         "contents[].parts[].thoughtSignature",
		"messages[].parts[].videoMetadata":   "contents[].parts[].videoMetadata",
		"sampling.top_k":                     "generationConfig.topK",
		"tool_choice.names":                  "toolConfig.functionCallingConfig.allowedFunctionNames",
		"tools[].native":                     "tools[].googleSearch",
		"generationConfig.speechConfig":      "generationConfig.speechConfig",
		"metadata":                           "labels",
		"format.schema":                      "generationConfig.responseJsonSchema",
		"thinking.budget":                    "generationConfig.thinkingConfig.thinkingBudget",
		"instructions[]":                     "systemInstruction.parts",
		"messages[].parts[].parts[].medium":  "contents[].parts[].functionResponse.parts[].inlineData",
		"messages[].parts[].something else":  "contents[].parts",
		"inputs[2].title":                    "title",
		"a path that is in nobody's request": "a path that is in nobody's request",
	} {
		if got := wire(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// ahead are fields that the vendor's SDK has and the protocol buffers of
// 2026-08 have not.
var ahead = []string{"serviceTier", "store", "generationConfig.thinkingConfig.thinkingLevel", "contents[].parts[].inlineData.displayName", "contents[].parts[].fileData.displayName"}

// validator holds JSON to the messages of a package.
type validator struct {
	messages, enums map[string]any
	faults          []string
}

func (v *validator) message(path, name string, x any) {
	m, ok := x.(map[string]any)
	if !ok {
		v.fault(path, "is no object")
		return
	}
	kinds := map[string]string{}
	for _, f := range list(v.messages[name].(map[string]any)["fields"]) {
		f := f.(map[string]any)
		one := ""
		if o, ok := f["oneof"].(string); ok {
			one = o
		}
		if _, has := m[f["json"].(string)]; has && one != "" {
			if kinds[one] != "" {
				v.fault(path, "has two of "+one)
			}
			kinds[one] = "taken"
		}
	}
	for member, value := range m {
		at := strings.TrimPrefix(path+"."+member, ".")
		f := v.field(name, member)
		if f == nil {
			if !slices.Contains(ahead, at) {
				v.fault(at, "is no field of "+name)
			}
			continue
		}
		typ := v.resolve(name, f["type"].(string))
		if f["label"] != "repeated" {
			v.value(at, typ, value)
			continue
		}
		l, ok := value.([]any)
		if !ok {
			v.fault(at, "is no array")
		}
		for _, e := range l {
			v.value(at+"[]", typ, e)
		}
	}
}

func (v *validator) fault(path, why string) { v.faults = append(v.faults, path+" "+why) }

func (v *validator) field(message, member string) map[string]any {
	for _, f := range list(v.messages[message].(map[string]any)["fields"]) {
		if f := f.(map[string]any); f["json"] == member {
			return f
		}
	}
	return nil
}

// resolve finds a type by the scopes it is named in.
func (v *validator) resolve(scope, typ string) string {
	for s := scope; s != ""; s = s[:max(0, strings.LastIndexByte(s, '.'))] {
		if n := s + "." + typ; v.messages[n] != nil || v.enums[n] != nil {
			return n
		}
	}
	return typ
}

func (v *validator) value(path, typ string, x any) {
	ok := true
	switch typ {
	case "string", "bytes":
		_, ok = x.(string)
	case "bool":
		_, ok = x.(bool)
	case "int32", "int64":
		n, is := x.(json.Number)
		if ok = is; is {
			_, err := n.Int64()
			ok = err == nil
		}
	case "float", "double":
		_, ok = x.(json.Number)
	case "google.protobuf.Struct":
		_, ok = x.(map[string]any)
	case "google.protobuf.Value":
	case "map<string, string>":
		m, is := x.(map[string]any)
		ok = is
		for _, e := range m {
			_, is := e.(string)
			ok = ok && is
		}
	default:
		switch {
		case v.messages[typ] != nil:
			v.message(path, typ, x)
		case v.enums[typ] != nil:
			word, _ := x.(string)
			ok = slices.Contains(list(v.enums[typ].(map[string]any)["values"]), any(word))
		default:
			ok = false
		}
	}
	if !ok {
		v.fault(path, fmt.Sprintf("is %v, and no %s", x, typ))
	}
}

// valid gives what of a body the messages of a package do not have.
func valid(t rapid.TB, doc map[string]any, pkg, message string, body []byte) []string {
	p := doc[pkg].(map[string]any)
	v := validator{messages: p["messages"].(map[string]any), enums: p["enums"].(map[string]any)}
	v.message("", message, tree(t, body))
	return v.faults
}

func TestEncode_WritesWhatTheVendorsSchemaHas(t *testing.T) {
	doc := schemas(t)
	if wrong := valid(t, doc, apiPackage, requests[0], []byte(`{"contents":[{"parts":[{"text":1,"x":2},{"text":"","inlineData":{}}]}],"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}}`)); len(wrong) != 4 {
		t.Fatalf("the validator sees %v", wrong)
	}
	can := can()
	can.Cache, can.Efforts = true, append(can.Efforts, "none", "xhigh", "max")
	can.Roles = []chat.Role{chat.System, chat.Developer}
	for pkg, to := range map[string]*dialect.Upstream{
		apiPackage: api, vertexPackage1: onVertex,
		vertexPackage: {Model: "gemini-2.5-pro", Surface: gemini.Vertex, APIVersion: "v1", Project: "p", Location: "l"},
	} {
		rapid.Check(t, func(t *rapid.T) {
			r := chattest.Request(t, can)
			out, err := gemini.Client{}.Encode(r, to, losses())
			if err != nil {
				t.Fatal(err)
			}
			if faults := valid(t, doc, pkg, "GenerateContentRequest", out.Body); len(faults) > 0 {
				t.Fatalf("%s: %v: %s", pkg, faults, out.Body)
			}
			out, err = gemini.Client{}.EncodeCount(r, to, losses())
			if err != nil {
				t.Fatal(err)
			}
			if faults := valid(t, doc, pkg, "CountTokensRequest", out.Body); len(faults) > 0 && !aheadOnly(faults) {
				t.Fatalf("%s: %v: %s", pkg, faults, out.Body)
			}
		})
	}
}

// aheadOnly reports whether all faults are fields of ahead, within a countTokens.
func aheadOnly(faults []string) bool {
	for _, f := range faults {
		path, _, _ := strings.Cut(f, " ")
		if !slices.Contains(ahead, strings.TrimPrefix(path, "generateContentRequest.")) {
			return false
		}
	}
	return true
}

func TestReply_WritesWhatTheVendorsSchemaHas(t *testing.T) {
	doc := schemas(t)
	rapid.Check(t, func(t *rapid.T) {
		body, err := gemini.Server{}.Reply(nil, answer(t), &dialect.Answering{})
		if err != nil {
			t.Fatal(err)
		}
		var faults []string
		for _, f := range valid(t, doc, apiPackage, "GenerateContentResponse", body) {
			if !strings.HasPrefix(f, "createTime ") { // of Vertex alone
				faults = append(faults, f)
			}
		}
		if len(faults) > 0 {
			t.Fatalf("%v: %s", faults, body)
		}
	})
}
