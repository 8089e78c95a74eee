package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSim_ServesUntilItIsTold(t *testing.T) {
	faults := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(faults, []byte(`[{"match":{"vendor":"azure"},"fault":{"status":503}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- runSim(ctx, []string{"--key", "k1", "--pace", "1ms", "--faults", faults}, w, w)
		w.Close()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "ready listen=127.0.0.1:") {
		t.Fatalf("first line: %q", lines.Text())
	}
	urls := map[string]string{}
	for len(urls) < 5 && lines.Scan() {
		name, url, _ := strings.Cut(lines.Text(), " ")
		urls[name] = strings.TrimSpace(url)
	}
	get := func(url string) int {
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer k1")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	if got := get(urls["openai"] + "/models"); got != 200 {
		t.Errorf("openai: got %d, want 200", got)
	}
	if got := get(urls["azure"] + "/openai/v1/models"); got != 503 {
		t.Errorf("azure, by the fault file: got %d, want 503", got)
	}
	cancel()
	go io.Copy(io.Discard, out)
	if got := <-code; got != 0 {
		t.Errorf("exit code: got %d, want 0", got)
	}
}

func TestSim_SaysWhatToTypeInstead(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`[{"fault":{"statsu":500}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"unknown flag", []string{"--port", "1"}, 2, "--listen 127.0.0.1:PORT"},
		{"argument", []string{"serve"}, 2, "bulkhead sim --listen 127.0.0.1:8089"},
		{"negative pace", []string{"--pace", "-1s"}, 2, "--pace 20ms"},
		{"bad faults", []string{"--faults", bad}, 2, "statsu"},
		{"no faults", []string{"--faults", bad + "x"}, 2, "no such file"},
		{"not loopback", []string{"--listen", "0.0.0.0:0"}, 2, "127.0.0.1:0"},
		{"help", []string{"--help"}, 0, "usage: bulkhead sim"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			var out, errs bytes.Buffer
			got, said, silent := runSim(ctx, row.args, &out, &errs), &errs, &out
			if row.code == 0 {
				said, silent = &out, &errs // help that was asked for
			}
			if got != row.code || !strings.Contains(said.String(), row.want) {
				t.Errorf("got %d %q, want %d with %q", got, said.String(), row.code, row.want)
			}
			if silent.Len() > 0 {
				t.Errorf("the other output: %q", silent.String())
			}
		})
	}
}
