package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
)

// completions is openai-go, Chat Completions.
type completions struct{ client openai.Client }

func newOpenAI(key string) openai.Client {
	return openai.NewClient(option.WithBaseURL(gateway+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))
}

func chatDriver() (driver, error) {
	c := completions{newOpenAI(key)}
	d := openaiDriver("chat", c.client)
	d.say, d.talk, d.describe, d.look = c.say, c.talk, c.describe, c.look
	d.stranger = func(alias string) error {
		_, err := completions{newOpenAI("sk-wrong")}.say(alias, say, false)
		return err
	}
	d.malformed = func(alias string) error {
		_, err := c.client.Chat.Completions.New(context.Background(), c.asking(alias, openai.UserMessage(say)), option.WithJSONSet("temperature", "hot"))
		return err
	}
	return d, nil
}

// openaiDriver is what both interfaces of openai-go share.
func openaiDriver(name string, client openai.Client) driver {
	return driver{
		client: "openai-go " + name, module: "github.com/openai/openai-go/v3",
		embed: func(alias string, texts ...string) (out [][]float64, err error) {
			vectors, err := client.Embeddings.New(context.Background(), openai.EmbeddingNewParams{Model: alias, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts}})
			if err != nil {
				return nil, err
			}
			for i, v := range vectors.Data {
				err = errors.Join(err, same("index", v.Index, int64(i)))
				out = append(out, v.Embedding)
			}
			return out, err
		},
		raised: func(err error, status int) error {
			var e *openai.Error
			if !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			return errors.Join(same("status", e.StatusCode, status), same("code", e.Code, codes[status]), same("a request id", e.Response.Header.Get("x-request-id") != "", true))
		},
		broken: func(err error) error {
			var e *ssestream.StreamError
			if !errors.As(err, &e) && !errors.Is(err, errFailed) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			return nil
		},
		told: func(err error) (string, string) {
			if e := (*openai.Error)(nil); errors.As(err, &e) {
				return e.Code, e.Message
			}
			return "", ""
		},
	}
}

func (completions) asking(model string, messages ...openai.ChatCompletionMessageParamUnion) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: messages}
}

// send asks; a stream is gathered by the SDK's own accumulator.
func (c completions) send(p openai.ChatCompletionNewParams, streamed bool, more ...option.RequestOption) (*openai.ChatCompletion, error) {
	if !streamed {
		return c.client.Chat.Completions.New(context.Background(), p, more...)
	}
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := c.client.Chat.Completions.NewStreaming(context.Background(), p, more...)
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		if !whole.AddChunk(stream.Current()) {
			return nil, errors.New("the accumulator takes no more")
		}
	}
	return &whole.ChatCompletion, stream.Err()
}

func (c completions) say(alias, text string, streamed bool) (reply, error) {
	var raw *http.Response
	r, err := c.send(c.asking(alias, openai.UserMessage(text)), streamed, option.WithResponseInto(&raw))
	if err != nil {
		return reply{}, err
	}
	one := r.Choices[0]
	return reply{one.Message.Content, one.FinishReason, raw.Header.Get("x-request-id"), r.Usage.PromptTokens, r.Usage.CompletionTokens}, nil
}

func (c completions) talk(alias string, streamed, reason bool) conversation {
	p := c.asking(alias)
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: tool, Description: openai.String(toolSays), Parameters: cityForm, Strict: openai.Bool(true)})}
	if reason {
		p.ReasoningEffort, p.MaxCompletionTokens = shared.ReasoningEffortLow, openai.Int(4000)
	}
	return func(question string) (r round, err error) {
		p.Messages = append(p.Messages, openai.UserMessage(question))
		first, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		p.Messages = append(p.Messages, first.Choices[0].Message.ToParam())
		for _, call := range first.Choices[0].Message.ToolCalls {
			city, err := cityOf(call.Function.Arguments)
			if err != nil {
				return r, err
			}
			r.cities = append(r.cities, city)
			p.Messages = append(p.Messages, openai.ToolMessage(weather(city), call.ID))
		}
		final, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		p.Messages = append(p.Messages, final.Choices[0].Message.ToParam())
		r.text = final.Choices[0].Message.Content
		return r, errors.Join(same("finish_reason", first.Choices[0].FinishReason, "tool_calls"), same("the last finish_reason", final.Choices[0].FinishReason, "stop"))
	}
}

func (c completions) describe(alias, text string) (string, error) {
	p := c.asking(alias, openai.UserMessage(text))
	p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "ship", Strict: openai.Bool(true), Schema: shipForm}}
	r, err := c.send(p, false)
	if err != nil {
		return "", err
	}
	return r.Choices[0].Message.Content, nil
}

func (c completions) look(alias, text, png string) error {
	_, err := c.send(c.asking(alias, openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.TextContentPart(text), openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + png})})), false)
	return err
}
