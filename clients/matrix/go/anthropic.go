package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
)

// claude is anthropic-sdk-go, messages.
type claude struct{ client anthropic.Client }

func newClaude(key string) claude {
	return claude{anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(gateway), option.WithAPIKey(key), option.WithMaxRetries(0))}
}

func anthropicDriver() (driver, error) {
	c := newClaude(key)
	return driver{
		client: "anthropic-go", module: "github.com/anthropics/anthropic-sdk-go/v2",
		say: c.say, talk: c.talk, describe: c.describe, look: c.look,
		stranger: func(alias string) error { _, err := newClaude("sk-wrong").say(alias, say, false); return err },
		malformed: func(alias string) error {
			_, err := c.client.Messages.New(context.Background(), c.asking(alias, anthropic.NewTextBlock(say)), option.WithJSONSet("messages.0.role", "robot"))
			return err
		},
		raised: func(err error, status int) error {
			var e *anthropic.Error
			if !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			code, _ := c.told(err)
			want := codes[status]
			if status == 400 { // where the vendor speaks the same dialect, the words are its own
				want = code
			}
			return errors.Join(same("status", e.StatusCode, status), same("code", code, want), same("a request id", e.RequestID != "", true))
		},
		broken: func(err error) error {
			var e *anthropic.Error
			if !errors.As(err, &e) {
				return fmt.Errorf("no error of the SDK's: %w", err)
			}
			return nil
		},
		told: c.told,
	}, nil
}

func (claude) told(err error) (code, message string) {
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
}

func (claude) asking(model string, blocks ...anthropic.ContentBlockParamUnion) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: model, MaxTokens: 4000, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(blocks...)}}
}

// send asks; a stream is gathered by the SDK's own accumulator.
func (c claude) send(p anthropic.MessageNewParams, streamed bool, more ...option.RequestOption) (*anthropic.Message, error) {
	if !streamed {
		return c.client.Messages.New(context.Background(), p, more...)
	}
	stream := c.client.Messages.NewStreaming(context.Background(), p, more...)
	whole := new(anthropic.Message)
	for stream.Next() {
		if err := whole.Accumulate(stream.Current()); err != nil {
			return nil, err
		}
	}
	return whole, stream.Err()
}

func (c claude) say(alias, text string, streamed bool) (reply, error) {
	var raw *http.Response
	m, err := c.send(c.asking(alias, anthropic.NewTextBlock(text)), streamed, option.WithResponseInto(&raw))
	if err != nil {
		return reply{}, err
	}
	u := m.Usage
	return reply{c.text(m), string(m.StopReason), raw.Header.Get("request-id"), u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens, u.OutputTokens}, nil
}

func (claude) text(m *anthropic.Message) string {
	var b strings.Builder
	for _, block := range m.Content {
		if block.Type == "text" {
			b.WriteString(block.Text)
		}
	}
	return b.String()
}

func (c claude) talk(alias string, streamed, reason bool) conversation {
	p := c.asking(alias)
	p.Messages = nil
	p.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: tool, Description: anthropic.String(toolSays),
		InputSchema: anthropic.ToolInputSchemaParam{Properties: cityForm["properties"], Required: []string{"city"}}}}}
	if reason {
		p.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
	}
	return func(question string) (r round, err error) {
		p.Messages = append(p.Messages, anthropic.NewUserMessage(anthropic.NewTextBlock(question)))
		first, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		var results []anthropic.ContentBlockParamUnion
		for _, b := range first.Content {
			if b.Signature != "" {
				r.states = append(r.states, b.Signature)
			}
			if b.Type != "tool_use" {
				continue
			}
			city, err := cityOf(string(b.Input))
			if err != nil {
				return r, err
			}
			r.cities = append(r.cities, city)
			results = append(results, anthropic.NewToolResultBlock(b.ID, weather(city), false))
		}
		p.Messages = append(p.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
		final, err := c.send(p, streamed)
		if err != nil {
			return r, err
		}
		p.Messages = append(p.Messages, final.ToParam())
		r.text = c.text(final)
		return r, errors.Join(same("stop_reason", first.StopReason, anthropic.StopReasonToolUse), same("the last stop_reason", final.StopReason, anthropic.StopReasonEndTurn))
	}
}

func (c claude) describe(alias, text string) (string, error) {
	p := c.asking(alias, anthropic.NewTextBlock(text))
	p.OutputConfig = anthropic.OutputConfigParam{Format: anthropic.JSONOutputFormatParam{Schema: shipForm}}
	m, err := c.send(p, false)
	if err != nil {
		return "", err
	}
	return c.text(m), nil
}

func (c claude) look(alias, text, png string) error {
	_, err := c.send(c.asking(alias, anthropic.NewTextBlock(text), anthropic.NewImageBlockBase64("image/png", png)), false)
	return err
}
