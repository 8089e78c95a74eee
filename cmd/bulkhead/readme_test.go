package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// root is the module's folder, as seen from this one.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shellBlocks are the lines of a page's blocks of commands.
func shellBlocks(page string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		out = append(out, strings.Split(strings.TrimSpace(m[1]), "\n")...)
	}
	return out
}

func TestReadme_HasTheTwoCommandsAndTheyAreWhatCIRuns(t *testing.T) {
	want := []string{"go run ./cmd/bulkhead quickstart", "go test ./..."}
	if got := shellBlocks(read(t, "README.md")); !slices.Equal(got, want) {
		t.Errorf("the README's commands are %q, want %q", got, want)
	}
	if !strings.Contains(read(t, ".ci/run"), "go test ./...") {
		t.Error("CI does not run the README's test command")
	}
}

// TestReadme_FirstCommandWorksAsPrinted runs it with what keeps it apart from
// others on this machine: a folder and ports of its own.
func TestReadme_FirstCommandWorksAsPrinted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary once more")
	}
	t.Parallel()
	words := strings.Fields(shellBlocks(read(t, "README.md"))[0])
	dir := t.TempDir()
	cmd := exec.Command(words[0], append(words[1:], "--dir", dir, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")...)
	cmd.Dir = root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run does not pass signals on
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "OPENAI_") && !strings.HasPrefix(kv, "AZURE_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	stdout, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	defer syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)

	for until := time.Now().Add(4 * time.Minute); ; time.Sleep(50 * time.Millisecond) { // a cold build takes its time
		out, err := os.ReadFile(stdout.Name())
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out, []byte("Stop with Ctrl-C.")) {
			break
		}
		select {
		case err := <-gone:
			t.Fatalf("it ended: %v\n%s", err, stderr.String())
		default:
		}
		if time.Now().After(until) {
			t.Fatalf("it is not ready:\n%s", out)
		}
	}
	out, err := os.ReadFile(stdout.Name())
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^curl .*$`).Find(out)
	words = shellWords(string(line))
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "http://127.0.0.1:") }); i < 0 {
		t.Fatalf("no curl line with an address:\n%s", out)
	} else if res, err := client(nil).Get(strings.TrimSuffix(words[i], "/v1/chat/completions") + "/v1/models"); err != nil || res.StatusCode != 401 {
		t.Errorf("the address it printed: %v, %v", res, err)
	} else {
		res.Body.Close()
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone: // go run has the signal, too, and its exit code is its own
	case <-time.After(patience):
		t.Errorf("Ctrl-C does not end it:\n%s", stderr.String())
	}
}

// pages are the README and what lies in docs, decisions apart: they speak of
// their day.
func pages(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" && filepath.Base(filepath.Dir(path)) != "adr" {
			name, _ := filepath.Rel(root, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	flagWord   = regexp.MustCompile(`(?:^|[\s(\[|])--([a-z][a-z-]*)`)
	subLine    = regexp.MustCompile(`(?:^|[\s/(])bulkhead ((?:key )?[a-z]+)(.*)`)
	link       = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
)

// commandsOf are the bulkhead command lines that a page shows: in its blocks
// up to a comment or pipe, and in the midst of its text.
func commandsOf(page string) []string {
	var out []string
	fenced := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
			line, _, _ = strings.Cut(strings.TrimPrefix(line, "$ "), " #")
			line, _, _ = strings.Cut(line, " | ")
			if strings.HasPrefix(line, "bulkhead ") {
				out = append(out, line)
			}
		default:
			for _, m := range inlineCode.FindAllStringSubmatch(line, -1) {
				if strings.HasPrefix(m[1], "bulkhead ") || strings.HasPrefix(m[1], "go run ./cmd/bulkhead ") {
					out = append(out, m[1])
				}
			}
		}
	}
	return out
}

// helpOf is what a subcommand says of itself; empty: there is none.
func helpOf(t *testing.T, sub string) string {
	t.Helper()
	code, stdout, stderr := say(t, append(strings.Fields(sub), "--help")...)
	if code != exitFine {
		return ""
	}
	return stdout + stderr
}

func TestPages_ShowCommandsThatExist(t *testing.T) {
	shown := 0
	for _, name := range pages(t) {
		t.Run(name, func(t *testing.T) {
			for _, line := range commandsOf(read(t, name)) {
				m := subLine.FindStringSubmatch(line)
				if m == nil || m[1] == "help" {
					continue
				}
				sub := m[1]
				if first, _, _ := strings.Cut(sub, " "); first != "key" {
					sub = first
				}
				shown++
				help := helpOf(t, sub)
				if help == "" {
					t.Errorf("%s: there is no subcommand %q", line, sub)
					continue
				}
				for _, f := range flagWord.FindAllStringSubmatch(m[2], -1) {
					if !regexp.MustCompile(`(?m)(^|[\s\[])--?` + f[1] + `\b`).MatchString(help) {
						t.Errorf("%s: %s has no --%s", line, sub, f[1])
					}
				}
			}
		})
	}
	if shown < 20 {
		t.Errorf("only %d commands were found in all pages", shown)
	}
}

func TestPages_LinkToWhatThereIs(t *testing.T) {
	for _, name := range pages(t) {
		t.Run(name, func(t *testing.T) {
			for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), filepath.FromSlash(m[1]))); err != nil {
					t.Errorf("the link to %s leads nowhere", m[1])
				}
			}
		})
	}
}

// TestHelpStory_NamesEverySubcommandAndFlag holds the story of --help against
// what there is, so that none is forgotten.
func TestHelpStory_NamesEverySubcommandAndFlag(t *testing.T) {
	story := read(t, "cmd/bulkhead/testdata/script/help.txtar")
	subs := []string{"key create", "key list", "key revoke"}
	for _, c := range subcommands() {
		subs = append(subs, c.name)
	}
	for _, sub := range subs {
		_, part, ok := strings.Cut(story, "bulkhead "+sub+" --help\n")
		if !ok {
			t.Errorf("the story does not ask for the help of %s", sub)
			continue
		}
		part, _, _ = strings.Cut(part, "\nexits ")
		for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(helpOf(t, sub), -1) {
			if !regexp.MustCompile(`-` + m[1] + `[ ']`).MatchString(part) {
				t.Errorf("the story does not look for %s --%s", sub, m[1])
			}
		}
	}
}
