// Command go is the drivers of the matrix in Go: its argument names the client.
// It tries every case at every alias and prints a line of each.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
)

// driver is a client: what it is called, the module it comes from, and how its
// calls are made. What it has no call for is nil.
type driver struct {
	client, module string
	say            func(alias, text string, streamed bool) (reply, error)
	talk           func(alias string, streamed, reason bool) conversation
	describe       func(alias, text string) (string, error) // by the schema of a ship
	look           func(alias, text, png string) error
	embed          func(alias string, texts ...string) ([][]float64, error)

	stranger  func(alias string) error           // a call with a key that nobody has
	malformed func(alias string) error           // one that is against the API's own schema
	raised    func(err error, status int) error  // sees that it is the client's exception for a status
	broken    func(err error) error              // the same for a stream that broke
	told      func(error) (code, message string) // of an exception that is Bulkhead's
}

// reply is what came of one question.
type reply struct {
	text          string
	stop, id      string // the client's word for why it ended; of the request
	input, output int64  // tokens
}

// conversation asks a question of which calls of get_weather come, answers
// them, and lets all that was said stand for the next question.
type conversation func(question string) (round, error)

// round is what came of one.
type round struct {
	cities []string // that were asked for
	text   string   // what was said last
	states []string // what is opaque of the thought before the calls
}

// What is asked, and what the pretend models then answer.
const (
	say    = "Say: fair winds and following seas"
	said   = "fair winds and following seas"
	tell   = "Tell me of ships in 120 words"
	cities = "What is the weather in Paris and Rome?"
	ship   = "Describe the ship Meridian, which has 3 masts"
	png    = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)

var (
	gateway = os.Getenv("BULKHEAD_URL")
	key     = os.Getenv("BULKHEAD_KEY")
)

// The tool that is offered, its parameters, and what it finds.
const tool, toolSays = "get_weather", "Weather in a city"

func object(properties map[string]any, required ...string) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

var (
	cityForm = object(map[string]any{"city": map[string]any{"type": "string"}}, "city")
	shipForm = object(map[string]any{"name": map[string]any{"type": "string"}, "masts": map[string]any{"type": "integer"}}, "name", "masts")
)

func weather(city string) string { return "drizzle over " + city }

// cityOf reads the arguments of a call.
func cityOf(arguments string) (string, error) {
	var form struct{ City string }
	err := json.Unmarshal([]byte(arguments), &form)
	return form.City, err
}

// seen is what the vendors recorded of a call.
type seen struct {
	Body  string
	Usage struct {
		Input     int64 `json:"input_tokens"`
		Output    int64 `json:"output_tokens"`
		Reasoning int64 `json:"reasoning_tokens"`
	}
}

// last is the last call at the vendors.
func last() (seen, error) {
	reply, err := http.Get(os.Getenv("BULKHEAD_SIM") + "/_sim/record")
	if err != nil {
		return seen{}, err
	}
	defer reply.Body.Close()
	var all []seen
	if err := json.NewDecoder(reply.Body).Decode(&all); err != nil || len(all) == 0 {
		return seen{}, fmt.Errorf("the vendors saw no call: %v", err)
	}
	return all[len(all)-1], nil
}

func control(method, path, body string) error {
	r, err := http.NewRequest(method, os.Getenv("BULKHEAD_SIM")+"/_sim/"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, reply.Body)
	return err
}

func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return nil
}

// has sees that a text holds words.
func has(text string, words ...string) error {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return fmt.Errorf("%q is not in %.200q", w, text)
		}
	}
	return nil
}

// version is that of the client's module as this program was built with it.
func (d driver) version() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == d.module {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return ""
}

// cell tries a case at an alias and says what came of it.
func (d driver) cell(alias, name string) (result, why string) {
	work := d.cases()[name]
	if work == nil {
		return "none", "The client has no " + name + "."
	}
	err := errors.Join(control("DELETE", "faults", ""), control("DELETE", "record", ""))
	if err == nil {
		err = work(alias)
	}
	if err == nil {
		return "pass", ""
	}
	if code, message := d.told(err); name != "errors" && (code == "unsupported_parameter" || code == "unsupported_route") {
		return "refused", code + ": " + message
	}
	return "fail", fmt.Sprintf("%.400s", strings.Join(strings.Fields(err.Error()), " "))
}

func main() {
	drivers := map[string]func() (driver, error){
		"openai-chat": chatDriver, "openai-responses": responsesDriver, "anthropic": anthropicDriver, "genai": genaiDriver, "bedrock": bedrockDriver,
	}
	if len(os.Args) != 2 || drivers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go CLIENT")
		os.Exit(2)
	}
	d, err := drivers[os.Args[1]]()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := json.NewEncoder(os.Stdout)
	for alias := range strings.SplitSeq(os.Getenv("MATRIX_ALIASES"), ",") {
		for name := range strings.SplitSeq(os.Getenv("MATRIX_CASES"), ",") {
			result, why := d.cell(alias, name)
			cell := map[string]string{"client": d.client, "version": d.version(), "alias": alias, "case": name, "result": result, "why": why}
			if err := out.Encode(cell); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}
