package sim

import (
	"fmt"
	"slices"
	"strings"
)

// geminiMessages are the fields of Google's messages as far as the pretend one knows them: name, and after a colon the
// message it holds ([] for several, {} for a map of them). A field without one holds anything.
func geminiMessages(message string) string {
	switch message {
	case "GenerateContentRequest":
		return "model contents:[]Content systemInstruction:Content tools:[]Tool toolConfig:ToolConfig safetySettings generationConfig:GenerationConfig cachedContent"
	case "CountTokensRequest":
		return "model contents:[]Content generateContentRequest:GenerateContentRequest systemInstruction:Content tools:[]Tool generationConfig:GenerationConfig"
	case "EmbedContentRequest":
		return "model content:Content taskType title outputDimensionality autoTruncate embedContentConfig:EmbedContentConfig"
	case "EmbedContentConfig":
		return "taskType title outputDimensionality autoTruncate"
	case "BatchEmbedContentsRequest":
		return "model requests:[]EmbedContentRequest"
	case "PredictRequest":
		return "instances:[]PredictInstance parameters"
	case "PredictInstance":
		return "content taskType title"
	case "Content":
		return "role parts:[]Part"
	case "Part":
		return "text inlineData:Blob fileData:FileData functionCall:FunctionCall functionResponse:FunctionResponse executableCode codeExecutionResult thought thoughtSignature videoMetadata mediaResolution partMetadata"
	case "Blob":
		return "mimeType data displayName"
	case "FileData":
		return "mimeType fileUri displayName"
	case "FunctionCall":
		return "id name args"
	case "FunctionResponse":
		return "id name response parts willContinue scheduling"
	case "Tool":
		return "functionDeclarations:[]FunctionDeclaration googleSearch googleSearchRetrieval codeExecution urlContext computerUse fileSearch googleMaps"
	case "FunctionDeclaration":
		return "name description parameters:Schema parametersJsonSchema response:Schema responseJsonSchema behavior"
	case "ToolConfig":
		return "functionCallingConfig:FunctionCallingConfig retrievalConfig"
	case "FunctionCallingConfig":
		return "mode allowedFunctionNames streamFunctionCallArguments"
	case "GenerationConfig":
		return "candidateCount stopSequences maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs responseMimeType responseSchema:Schema responseJsonSchema responseModalities thinkingConfig:ThinkingConfig speechConfig imageConfig mediaResolution audioTimestamp"
	case "ThinkingConfig":
		return "includeThoughts thinkingBudget thinkingLevel"
	case "Schema":
		return "type format title description nullable enum items:Schema maxItems minItems properties:{}Schema required minProperties maxProperties minLength maxLength pattern example anyOf:[]Schema propertyOrdering default minimum maximum"
	}
	return ""
}

// surfaceFields are those that only one surface knows.
func surfaceFields(message string, at geminiRoute) string {
	switch {
	case message == "GenerateContentRequest" && at.vertex:
		return " labels modelArmorConfig serviceTier"
	case message == "GenerateContentRequest":
		return " serviceTier store"
	case message == "Schema" && at.vertex:
		return " additionalProperties ref defs:{}Schema"
	}
	return ""
}

// known gives an object of a message with its names in lowerCamelCase, and refuses names that the message does not
// have, as Google does.
func (at geminiRoute) known(o object, message, path string) (object, *apiError) {
	holds := map[string]string{}
	for _, f := range strings.Fields(geminiMessages(message) + surfaceFields(message, at)) {
		name, inner, _ := strings.Cut(f, ":")
		holds[name] = inner
	}
	if at.vertex && at.version == "v1" && (message == "FunctionCall" || message == "FunctionResponse") {
		delete(holds, "id")
	}
	out := object{}
	data := 0
	for _, m := range o {
		name := lowerCamel(m.name)
		inner, has := holds[name]
		if !has {
			return nil, &apiError{status: 400, message: fmt.Sprintf("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", m.name, path)}
		}
		if _, twice := out.get(name); twice {
			return nil, &apiError{status: 400, message: fmt.Sprintf("Invalid JSON payload received. Repeated field %q at '%s'.", name, path)}
		}
		if m.value == nil {
			continue
		}
		if message == "Part" && slices.Contains([]string{"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"}, name) {
			data++
		}
		value, e := at.value(m.value, inner, strings.TrimPrefix(path+"."+name, "."))
		if e != nil {
			return nil, e
		}
		out = append(out, member{name, value})
	}
	if data > 1 {
		return nil, &apiError{status: 400, message: fmt.Sprintf("Invalid value at '%s' (oneof), oneof field 'data' is already set.", path)}
	}
	return out, nil
}

func (at geminiRoute) value(v any, holds, path string) (any, *apiError) {
	switch {
	case holds == "":
		return v, nil
	case strings.HasPrefix(holds, "[]"):
		list, ok := v.([]any)
		if !ok {
			return nil, wrongGemini(path)
		}
		out := make([]any, len(list))
		for i, one := range list {
			inner, e := at.value(one, holds[2:], fmt.Sprintf("%s[%d]", path, i))
			if e != nil {
				return nil, e
			}
			out[i] = inner
		}
		return out, nil
	}
	o, ok := v.(object)
	if !ok {
		return nil, wrongGemini(path)
	}
	if message, isMap := strings.CutPrefix(holds, "{}"); isMap {
		out := object{}
		for _, m := range o {
			inner, e := at.value(m.value, message, path+"."+m.name)
			if e != nil {
				return nil, e
			}
			out = append(out, member{m.name, inner})
		}
		return out, nil
	}
	return at.known(o, holds, path)
}

func wrongGemini(path string) *apiError {
	return &apiError{status: 400, message: fmt.Sprintf("Invalid value at '%s'.", path)}
}

// lowerCamel puts a name of the protocol buffers into JSON's form.
func lowerCamel(name string) string {
	if !strings.Contains(name, "_") || name != strings.ToLower(name) {
		return name
	}
	var b strings.Builder
	for i, piece := range strings.Split(name, "_") {
		if i > 0 && piece != "" {
			piece = strings.ToUpper(piece[:1]) + piece[1:]
		}
		b.WriteString(piece)
	}
	return b.String()
}
