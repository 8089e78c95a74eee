package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/genai"
)

// gemini is go-genai by the API of Gemini.
type gemini struct{ client *genai.Client }

func newGemini(key string) (gemini, error) {
	client, err := genai.NewClient(context.Background(), &genai.ClientConfig{APIKey: key, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: gateway}})
	return gemini{client}, err
}

func genaiDriver() (driver, error) {
	c, err := newGemini(key)
	if err != nil {
		return driver{}, err
	}
	stranger, err := newGemini("wrong")
	return driver{
		client: "genai-go", module: "google.golang.org/genai",
		say: c.say, talk: c.talk, describe: c.describe, look: c.look, embed: c.embed,
		stranger: func(alias string) error { _, err := stranger.say(alias, say, false); return err },
		malformed: func(alias string) error {
			hot := map[string]any{"generationConfig": map[string]any{"temperature": "hot"}}
			_, err := c.send(alias, genai.Text(say), &genai.GenerateContentConfig{HTTPOptions: &genai.HTTPOptions{ExtraBody: hot}}, false)
			return err
		},
		raised: func(err error, status int) error {
			var e genai.APIError
			if !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			code, _ := c.told(err)
			want := codes[status]
			if status == 400 { // where the vendor speaks the same dialect, the words are its own
				want = code
			}
			return errors.Join(same("status", e.Code, status), same("code", code, want), same("a code", code != "", true))
		},
		broken: func(err error) error {
			if e := (genai.APIError{}); !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			return nil
		},
		told: c.told,
	}, err
}

func (gemini) told(err error) (code, message string) {
	var e genai.APIError
	if !errors.As(err, &e) || len(e.Details) == 0 {
		return "", ""
	}
	code, _ = e.Details[0]["reason"].(string)
	return code, e.Message
}

// send asks; the pieces of a stream are put together as the SDK's own chats do:
// parts are kept as they came.
func (c gemini) send(model string, contents []*genai.Content, config *genai.GenerateContentConfig, streamed bool) (*genai.GenerateContentResponse, error) {
	if !streamed {
		return c.client.Models.GenerateContent(context.Background(), model, contents, config)
	}
	var whole *genai.GenerateContentResponse
	for piece, err := range c.client.Models.GenerateContentStream(context.Background(), model, contents, config) {
		switch {
		case err != nil:
			return nil, err
		case whole == nil:
			whole = piece
			continue
		}
		one := whole.Candidates[0]
		for _, next := range piece.Candidates {
			if next.Content != nil {
				one.Content.Parts = append(one.Content.Parts, next.Content.Parts...)
			}
			if next.FinishReason != "" {
				one.FinishReason = next.FinishReason
			}
		}
		whole.UsageMetadata = piece.UsageMetadata
	}
	return whole, nil
}

func (c gemini) say(alias, text string, streamed bool) (reply, error) {
	r, err := c.send(alias, genai.Text(text), nil, streamed)
	if err != nil {
		return reply{}, err
	}
	u := r.UsageMetadata
	return reply{r.Text(), string(r.Candidates[0].FinishReason), r.ResponseID, int64(u.PromptTokenCount), int64(u.CandidatesTokenCount + u.ThoughtsTokenCount)}, nil
}

func (c gemini) talk(alias string, streamed, reason bool) conversation {
	var said []*genai.Content
	config := &genai.GenerateContentConfig{Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{Name: tool, Description: toolSays, ParametersJsonSchema: cityForm}}}}}
	if reason {
		config.ThinkingConfig, config.MaxOutputTokens = &genai.ThinkingConfig{ThinkingLevel: genai.ThinkingLevelLow, IncludeThoughts: true}, 4000
	}
	return func(question string) (r round, err error) {
		said = append(said, genai.NewContentFromText(question, genai.RoleUser))
		first, err := c.send(alias, said, config, streamed)
		if err != nil {
			return r, err
		}
		said = append(said, first.Candidates[0].Content)
		for _, p := range first.Candidates[0].Content.Parts {
			// The SDK has decoded it.
			if len(p.ThoughtSignature) > 0 {
				r.states = append(r.states, base64.StdEncoding.EncodeToString(p.ThoughtSignature))
			}
		}
		var results []*genai.Part
		for _, call := range first.FunctionCalls() {
			city, _ := call.Args["city"].(string)
			r.cities = append(r.cities, city)
			result := genai.NewPartFromFunctionResponse(call.Name, map[string]any{"output": weather(city)})
			result.FunctionResponse.ID = call.ID
			results = append(results, result)
		}
		said = append(said, genai.NewContentFromParts(results, genai.RoleUser))
		final, err := c.send(alias, said, config, streamed)
		if err != nil {
			return r, err
		}
		said = append(said, final.Candidates[0].Content)
		r.text = final.Text()
		return r, errors.Join(same("finishReason", first.Candidates[0].FinishReason, genai.FinishReasonStop), same("the last finishReason", final.Candidates[0].FinishReason, genai.FinishReasonStop))
	}
}

func (c gemini) describe(alias, text string) (string, error) {
	r, err := c.send(alias, genai.Text(text), &genai.GenerateContentConfig{ResponseMIMEType: "application/json", ResponseJsonSchema: shipForm}, false)
	if err != nil {
		return "", err
	}
	return r.Text(), nil
}

func (c gemini) look(alias, text, png string) error {
	data, err := base64.StdEncoding.DecodeString(png)
	if err != nil {
		return err
	}
	parts := []*genai.Part{genai.NewPartFromText(text), genai.NewPartFromBytes(data, "image/png")}
	_, err = c.send(alias, []*genai.Content{genai.NewContentFromParts(parts, genai.RoleUser)}, nil, false)
	return err
}

func (c gemini) embed(alias string, texts ...string) (out [][]float64, err error) {
	r, err := c.client.Models.EmbedContent(context.Background(), alias, slices.Concat(genai.Text(texts[0]), genai.Text(texts[1])), nil)
	if err != nil {
		return nil, err
	}
	for _, e := range r.Embeddings {
		var vector []float64
		for _, v := range e.Values {
			vector = append(vector, float64(v))
		}
		out = append(out, vector)
	}
	return out, nil
}
