package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// cases are what is tried with a client, whichever it is.
func (d driver) cases() map[string]func(alias string) error {
	all := map[string]func(string) error{
		"unary":        func(alias string) error { return d.plain(alias, false) },
		"stream":       func(alias string) error { return d.plain(alias, true) },
		"tools":        func(alias string) error { return d.parallel(alias, false) },
		"tools-stream": func(alias string) error { return d.parallel(alias, true) },
		"structured":   d.structured, "image": d.image, "reasoning": d.reasoning, "usage": d.usage, "errors": d.errors,
	}
	if d.embed != nil {
		all["embeddings"] = d.embeddings
	}
	return all
}

// stops are the words of the clients for a natural end.
var stops = []string{"stop", "end_turn", "completed", "STOP"}

func (d driver) plain(alias string, streamed bool) error {
	r, err := d.say(alias, say, streamed)
	if err != nil {
		return err
	}
	return errors.Join(same("text", r.text, said), same("a natural end by "+r.stop, slices.Contains(stops, r.stop), true),
		same("a request id", r.id != "", true), same("usage there", r.output > 0, true))
}

func (d driver) parallel(alias string, streamed bool) error {
	r, err := d.talk(alias, streamed, false)(cities)
	if err != nil {
		return err
	}
	return errors.Join(same("calls", strings.Join(r.cities, " "), "Paris Rome"), has(r.text, weather("Paris"), weather("Rome")))
}

func (d driver) structured(alias string) error {
	text, err := d.describe(alias, ship)
	if err != nil {
		return err
	}
	var form struct {
		Name  *string
		Masts int
	}
	if err := json.Unmarshal([]byte(text), &form); err != nil {
		return err
	}
	return errors.Join(same("masts", form.Masts, 3), same("a name", form.Name != nil, true))
}

// image sees that the vendor was sent the picture itself.
func (d driver) image(alias string) error {
	if err := d.look(alias, "What is in this picture?", png); err != nil {
		return err
	}
	sent, err := last()
	return errors.Join(err, same("the picture sent", strings.Contains(sent.Body, png), true))
}

// marks are the fields in which the dialects of the aliases have what is opaque
// of thought.
var marks = map[string]string{"on-responses": `"encrypted_content":`, "on-anthropic": `"signature":`, "on-bedrock": `"signature":`, "on-gemini": `"thoughtSignature":`}

func (d driver) reasoning(alias string) error {
	talk := d.talk(alias, false, true)
	for _, row := range [][2]string{{"What is the weather in Paris?", "Paris"}, {"And what is the weather in Rome?", "Rome"}} {
		r, err := talk(row[0])
		if err != nil {
			return err
		}
		sent, err := last()
		err = errors.Join(err, same("calls", strings.Join(r.cities, " "), row[1]), has(r.text, weather(row[1])), same("reasoned", sent.Usage.Reasoning > 0, true),
			same("state given back as "+marks[alias], strings.Contains(sent.Body, marks[alias]), true))
		for _, s := range r.states {
			// What the client's dialect has no place for comes to it wrapped, and goes back unwrapped.
			if strings.HasPrefix(s, "bulkhead.") {
				s = s[strings.LastIndexByte(s, '.')+1:]
			}
			err = errors.Join(err, same("state given back", strings.Contains(sent.Body, s), true))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d driver) usage(alias string) error {
	for _, streamed := range []bool{false, true} {
		r, err := d.say(alias, tell, streamed)
		if err != nil {
			return err
		}
		sent, err := last()
		if err := errors.Join(err, same("input", r.input, sent.Usage.Input), same("output", r.output, sent.Usage.Output), same("counted", r.input > 0 && r.output > 0, true)); err != nil {
			return err
		}
	}
	return nil
}

// errors are one call that fails for each class of errors.
func (d driver) errors(alias string) error {
	send := func(alias, text string, streamed bool) error { _, err := d.say(alias, text, streamed); return err }
	for _, row := range []struct {
		name, fault string
		err         func() error
		look        func(error) error
	}{
		{"401", "", func() error { return d.stranger(alias) }, d.is(401)},
		{"403", "", func() error { return send("withdrawn", say, false) }, d.is(403)},
		{"404", "", func() error { return send("nowhere", say, false) }, d.is(404)},
		{"400", "", func() error { return d.malformed(alias) }, d.is(400)},
		{"429", `{"status":429}`, func() error { return send(alias, say, false) }, d.is(429)},
		{"503", `{"status":503}`, func() error { return send(alias, say, false) }, d.is(503)},
		{"midstream", `{"error_after_chunks":12}`, func() error { return send(alias, tell, true) }, d.broken},
	} {
		if row.fault != "" {
			if err := control("POST", "faults", `[{"match":{},"fault":`+row.fault+`}]`); err != nil {
				return err
			}
		}
		err := row.err()
		if err == nil {
			err = errors.New("nothing was raised")
		} else {
			err = row.look(err)
		}
		if err := errors.Join(err, control("DELETE", "faults", "")); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return nil
}

// codes are Bulkhead's own words for the errors that are its own.
var codes = map[int]string{401: "unauthenticated", 403: "no_eligible_offering", 404: "model_not_found", 400: "malformed", 429: "upstream_rate_limited", 503: "upstream_unavailable"}

func (d driver) is(status int) func(error) error {
	return func(err error) error { return d.raised(err, status) }
}

func (d driver) embeddings(alias string) error {
	vectors, err := d.embed(strings.Replace(alias, "on-", "embed-", 1), "a ship", "a lighthouse")
	if err != nil {
		return err
	}
	if err := same("vectors", len(vectors), 2); err != nil {
		return err
	}
	return errors.Join(same("long", len(vectors[0]) > 100 && len(vectors[1]) > 100, true), same("one vector for both", slices.Equal(vectors[0], vectors[1]), false))
}
