package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
)

// claude is anthropic-sdk-go, messages.
type claude struct{ client anthropic.Client }

func newClaude(key string) claude {
	return claude{anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(gateway), option.WithAPIKey(key), option.WithMaxRetries(0))}
}

func asking(model string, blocks ...anthropic.ContentBlockParamUnion) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: model, MaxTokens: 4000, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(blocks...)}}
}

func (c claude) ask(p anthropic.MessageNewParams) (*anthropic.Message, error) {
	return c.client.Messages.New(context.Background(), p)
}

// streamed asks for a stream, gathered by the SDK's own accumulator.
func (c claude) streamed(p anthropic.MessageNewParams) (*anthropic.Message, error) {
	stream := c.client.Messages.NewStreaming(context.Background(), p)
	whole := new(anthropic.Message)
	for stream.Next() {
		if err := whole.Accumulate(stream.Current()); err != nil {
			return nil, err
		}
	}
	return whole, stream.Err()
}

type sender func(anthropic.MessageNewParams) (*anthropic.Message, error)

func textOf(m *anthropic.Message) string {
	var b strings.Builder
	for _, block := range m.Content {
		if block.Type == "text" {
			b.WriteString(block.Text)
		}
	}
	return b.String()
}

var schema = map[string]any{"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}, "masts": map[string]any{"type": "integer"}},
	"required": []string{"name", "masts"}, "additionalProperties": false}

// toolTurn asks, answers the calls, and gives what is said last. All that is
// said goes back as it came, thought too.
func toolTurn(send sender, p *anthropic.MessageNewParams) (asked []string, final *anthropic.Message, signatures []string, err error) {
	p.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "get_weather", Description: anthropic.String("Weather in a city"),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"}}}}}
	first, err := send(*p)
	if err != nil {
		return nil, nil, nil, err
	}
	var results []anthropic.ContentBlockParamUnion
	for _, b := range first.Content {
		if b.Signature != "" {
			signatures = append(signatures, b.Signature)
		}
		if b.Type != "tool_use" {
			continue
		}
		var input struct{ City string }
		if err := json.Unmarshal(b.Input, &input); err != nil {
			return nil, nil, nil, err
		}
		asked = append(asked, input.City)
		results = append(results, anthropic.NewToolResultBlock(b.ID, weather(input.City), false))
	}
	p.Messages = append(p.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
	if final, err = send(*p); err != nil {
		return nil, nil, nil, err
	}
	p.Messages = append(p.Messages, final.ToParam())
	return asked, final, signatures, errors.Join(same("stop_reason", first.StopReason, anthropic.StopReasonToolUse), same("the last stop_reason", final.StopReason, anthropic.StopReasonEndTurn))
}

func parallel(send sender) func(string) error {
	return func(alias string) error {
		p := asking(alias, anthropic.NewTextBlock(cities))
		asked, final, _, err := toolTurn(send, &p)
		if err != nil {
			return err
		}
		return errors.Join(same("calls", strings.Join(asked, " "), "Paris Rome"), has(textOf(final), weather("Paris"), weather("Rome")))
	}
}

func plain(send sender) func(string) error {
	return func(alias string) error {
		reply, err := send(asking(alias, anthropic.NewTextBlock(say)))
		if err != nil {
			return err
		}
		return errors.Join(same("text", textOf(reply), said), same("stop_reason", reply.StopReason, anthropic.StopReasonEndTurn), same("usage there", reply.Usage.OutputTokens > 0, true))
	}
}

func (c claude) structured(alias string) error {
	p := asking(alias, anthropic.NewTextBlock(ship))
	p.OutputConfig = anthropic.OutputConfigParam{Format: anthropic.JSONOutputFormatParam{Schema: schema}}
	reply, err := c.ask(p)
	if err != nil {
		return err
	}
	var form struct{ Masts int }
	if err := json.Unmarshal([]byte(textOf(reply)), &form); err != nil {
		return err
	}
	return same("masts", form.Masts, 3)
}

func (c claude) image(alias string) error {
	if _, err := c.ask(asking(alias, anthropic.NewTextBlock("What is in this picture?"), anthropic.NewImageBlockBase64("image/png", png))); err != nil {
		return err
	}
	sent, err := last()
	return errors.Join(err, same("the picture sent", strings.Contains(sent.Body, png), true))
}

func (c claude) reasoning(alias string) error {
	p := asking(alias, anthropic.NewTextBlock("What is the weather in Paris?"))
	p.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
	for _, city := range []string{"Paris", "Rome"} {
		_, final, signatures, err := toolTurn(c.ask, &p)
		if err != nil {
			return err
		}
		sent, err := last()
		if err := errors.Join(err, has(textOf(final), weather(city)), same("reasoned", sent.Usage.Reasoning > 0, true)); err != nil {
			return err
		}
		for _, s := range signatures {
			if strings.HasPrefix(s, "bulkhead.encrypted.") { // it comes wrapped, and goes back unwrapped
				s = `"encrypted_content"`
			}
			if err := same("state given back", strings.Contains(sent.Body, s), true); err != nil {
				return err
			}
		}
		p.Messages = append(p.Messages, anthropic.NewUserMessage(anthropic.NewTextBlock("And what is the weather in Rome?")))
	}
	return nil
}

func (c claude) usage(alias string) error {
	for _, send := range []sender{c.ask, c.streamed} {
		reply, err := send(asking(alias, anthropic.NewTextBlock(tell)))
		if err != nil {
			return err
		}
		sent, err := last()
		u := reply.Usage
		if err := errors.Join(err, same("input", u.InputTokens+u.CacheReadInputTokens+u.CacheCreationInputTokens, sent.Usage.Input), same("output", u.OutputTokens, sent.Usage.Output)); err != nil {
			return err
		}
	}
	return nil
}

func (c claude) failures(alias string) error {
	is := func(status int) func(error) error {
		return func(err error) error {
			var e *anthropic.Error
			if !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			return errors.Join(same("status", e.StatusCode, status), same("a request id", e.RequestID != "", true))
		}
	}
	to := func(c claude, send func(claude) sender, alias, text string) func() error {
		return func() error { _, err := send(c)(asking(alias, anthropic.NewTextBlock(text))); return err }
	}
	ask, stream := func(c claude) sender { return c.ask }, func(c claude) sender { return c.streamed }
	robot := func() error {
		_, err := c.client.Messages.New(context.Background(), asking(alias, anthropic.NewTextBlock(say)), option.WithJSONSet("messages.0.role", "robot"))
		return err
	}
	return failures([]failing{
		{"401", "", to(newClaude("sk-wrong"), ask, alias, say), is(401)},
		{"403", "", to(c, ask, "withdrawn", say), is(403)},
		{"404", "", to(c, ask, "nowhere", say), is(404)},
		{"400", "", robot, is(400)},
		{"429", `{"status":429}`, to(c, ask, alias, say), is(429)},
		{"503", `{"status":503}`, to(c, ask, alias, say), is(503)},
		{"midstream", `{"error_after_chunks":12}`, to(c, stream, alias, tell), func(error) error { return nil }},
	})
}

func anthropicDriver() driver {
	c := newClaude(key)
	return driver{
		client: "anthropic-go", version: "2.13.0",
		said: func(err error) (string, string) {
			var e *anthropic.Error
			if !errors.As(err, &e) {
				return "", ""
			}
			var body struct {
				Error struct {
					Message  string
					Bulkhead struct{ Code string }
				}
			}
			if json.Unmarshal([]byte(e.RawJSON()), &body) != nil {
				return "", ""
			}
			return body.Error.Bulkhead.Code, body.Error.Message
		},
		cases: map[string]func(string) error{
			"unary": plain(c.ask), "stream": plain(c.streamed), "tools": parallel(c.ask), "tools-stream": parallel(c.streamed),
			"structured": c.structured, "image": c.image, "reasoning": c.reasoning, "usage": c.usage, "errors": c.failures,
		},
	}
}
