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
	"strings"
)

// driver is a client: its name and version, its cases, and what it reads of an
// exception that is Bulkhead's.
type driver struct {
	client, version string
	cases           map[string]func(alias string) error
	said            func(error) (code, message string)
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

func weather(city string) string { return "drizzle over " + city }

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

// fault makes what follows at the vendors go wrong.
func fault(what string) error { return control("POST", "faults", `[{"match":{},"fault":`+what+`}]`) }

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

// failing is one way in which a call fails.
type failing struct {
	name, fault string
	send        func() error
	look        func(error) error
}

func failures(ways []failing) error {
	for _, w := range ways {
		if w.fault != "" {
			if err := fault(w.fault); err != nil {
				return err
			}
		}
		err := w.send()
		if err == nil {
			err = errors.New("nothing was raised")
		} else {
			err = w.look(err)
		}
		if err := errors.Join(err, control("DELETE", "faults", "")); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

func (d driver) cell(alias, name string) (result, why string) {
	work := d.cases[name]
	if work == nil {
		return "refused", "The client has no " + name + "."
	}
	err := errors.Join(control("DELETE", "faults", ""), control("DELETE", "record", ""))
	if err == nil {
		err = work(alias)
	}
	if err == nil {
		return "pass", ""
	}
	if code, message := d.said(err); name != "errors" && (code == "unsupported_parameter" || code == "unsupported_route") {
		return "refused", code + ": " + message
	}
	return "fail", fmt.Sprintf("%.400s", strings.Join(strings.Fields(err.Error()), " "))
}

func main() {
	drivers := map[string]func() driver{"anthropic": anthropicDriver}
	if len(os.Args) != 2 || drivers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go anthropic")
		os.Exit(2)
	}
	d := drivers[os.Args[1]]()
	out := json.NewEncoder(os.Stdout)
	for alias := range strings.SplitSeq(os.Getenv("MATRIX_ALIASES"), ",") {
		for name := range strings.SplitSeq(os.Getenv("MATRIX_CASES"), ",") {
			result, why := d.cell(alias, name)
			cell := map[string]string{"client": d.client, "version": d.version, "alias": alias, "case": name, "result": result, "why": why}
			if err := out.Encode(cell); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}
