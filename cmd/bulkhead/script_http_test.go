package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/testscript"
)

// newCall makes a request with a key, unless it is "-", and a JSON body. A key ID:SECRET signs, as AWS SDKs do.
func newCall(ctx context.Context, method, url, key, body string) (*http.Request, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	switch id, secret, pair := strings.Cut(key, ":"); {
	case pair:
		sum := sha256.Sum256([]byte(body))
		err = v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, req, hex.EncodeToString(sum[:]), "bedrock", "us-east-1", time.Now())
	case key != "-":
		req.Header.Set("Authorization", "Bearer "+key)
	}
	return req, err
}

// client speaks over connections of its own, without the environment's proxies.
func client(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// callURL makes one call. Without a connection it fails, or with ! succeeds
// and gives the reason on stderr.
func callURL(ts *testscript.TestScript, neg bool, args []string) {
	var roots *x509.CertPool
	if len(args) > 1 && args[0] == "-ca" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(ts.ReadFile(args[1]))) {
			ts.Fatalf("%s has no certificate", args[1])
		}
		args = args[2:]
	}
	to := ""
	if len(args) > 1 && args[0] == "-o" {
		to, args = ts.MkAbs(args[1]), args[2:]
	}
	header := http.Header{}
	for len(args) > 1 && args[0] == "-h" {
		name, v, _ := strings.Cut(args[1], ":")
		header.Add(name, strings.TrimSpace(v))
		args = args[2:]
	}
	wantArgs(ts, false, args, 2, 4, "[!] call [-ca FILE] [-o FILE] [-h NAME:VALUE...] METHOD URL [KEY [BODY|@FILE]]")
	key, body := "-", ""
	if len(args) > 2 {
		key = args[2]
	}
	if len(args) > 3 {
		body = args[3]
		if file, ok := strings.CutPrefix(body, "@"); ok {
			body = ts.ReadFile(file)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := newCall(ctx, args[0], args[1], key, body)
	ts.Check(err)
	for name, v := range header {
		req.Header[name] = v
	}
	res, err := client(roots).Do(req)
	switch {
	case err != nil && neg:
		fmt.Fprintln(ts.Stderr(), err)
		return
	case err != nil:
		ts.Fatalf("%v", err)
	case neg:
		res.Body.Close()
		ts.Fatalf("it was answered: %s", res.Status)
	}
	defer res.Body.Close()
	fmt.Fprintln(ts.Stdout(), res.Status)
	var lines strings.Builder
	ts.Check(res.Header.Write(&lines))
	fmt.Fprintln(ts.Stdout(), strings.ReplaceAll(lines.String(), "\r\n", "\n"))
	reply, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(reply)
	ts.Check(err)
	if to != "" {
		ts.Check(os.WriteFile(to, reply, 0o600))
	}
}

func refused(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 4, 4, "refused METHOD URL KEY BODY")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := newCall(ctx, args[0], args[1], args[2], args[3])
	ts.Check(err)
	res, err := client(nil).Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return
	}
	ts.Check(err)
	defer res.Body.Close()
	if code := res.Header.Get("Bulkhead-Error"); res.StatusCode != http.StatusServiceUnavailable || code != "draining" {
		ts.Fatalf("it was answered: %s %s", res.Status, code)
	}
}

func answers(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 4, 4, "answers STATUS METHOD URL KEY")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for got := ""; got != args[0]; time.Sleep(50 * time.Millisecond) {
		req, err := newCall(ctx, args[1], args[2], args[3], "")
		ts.Check(err)
		res, err := client(nil).Do(req)
		if err != nil {
			ts.Fatalf("last answered with %s: %v", got, err)
		}
		res.Body.Close()
		got = strconv.Itoa(res.StatusCode)
	}
}

// stream begins a call and leaves. Its goroutine ends with the call, at the
// latest with the story.
func stream(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 4, 4, "stream NAME URL KEY BODY")
	ctx, cancel := context.WithCancel(context.Background())
	req, err := newCall(ctx, http.MethodPost, args[1], args[2], args[3])
	ts.Check(err)
	events, err := os.Create(ts.MkAbs(args[0] + ".sse"))
	ts.Check(err)
	end := ts.MkAbs(args[0] + ".end")
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer events.Close()
		said := "whole\n"
		res, err := client(nil).Do(req)
		if err == nil {
			fmt.Fprintln(events, res.Status)
			_, err = io.Copy(events, res.Body)
			res.Body.Close()
		}
		if err != nil {
			said = "broken: " + err.Error() + "\n"
		}
		_ = os.WriteFile(end, []byte(said), 0o644) // a story that waits for it says that it is not there
	}()
	ts.Defer(func() { cancel(); <-over })
}

// curled runs a printed curl line: with a shell and curl as a user does, and
// by a client that understands as much of both as the line needs where they
// cannot be had.
func curled(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 1, 1, "curled FILE")
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		ts.Logf("%s", line)
		_, noShell := exec.LookPath("sh")
		_, noCurl := exec.LookPath("curl")
		if noShell != nil || noCurl != nil {
			curl(ts, line)
			return
		}
		ts.Check(ts.Exec("sh", "-c", line))
		return
	}
	ts.Fatalf("%s has no line that begins with curl", args[0])
}

// curl does what `curl URL -sS -H HEADER -d BODY` does.
func curl(ts *testscript.TestScript, line string) {
	words := shellWords(line)[1:]
	header, body, url := http.Header{}, "", ""
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "-sS":
		case (w == "-H" || w == "-d") && i+1 < len(words):
			i++
			if w == "-d" {
				body = words[i]
				continue
			}
			name, v, _ := strings.Cut(words[i], ":")
			header.Add(name, strings.TrimSpace(v))
		case strings.HasPrefix(w, "http"):
			url = w
		default:
			ts.Fatalf("%q is not understood in: %s", w, line)
		}
	}
	req, err := newCall(context.Background(), http.MethodPost, url, "-", body)
	ts.Check(err)
	req.Header = header
	res, err := client(nil).Do(req)
	ts.Check(err)
	defer res.Body.Close()
	_, err = io.Copy(ts.Stdout(), res.Body)
	ts.Check(err)
}

// shellWords splits a line at spaces outside quotation marks.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	for _, c := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(c)
		}
	}
	return words
}

func certificate(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "certificate CERT KEY")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	ts.Check(err)
	about := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for i, b := range []*pem.Block{{Type: "CERTIFICATE", Bytes: cert}, {Type: "PRIVATE KEY", Bytes: private}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(b), 0o600))
	}
}
