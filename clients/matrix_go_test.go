package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// goDrivers are the clients of the matrix in Go, one program in a module of its
// own in matrix/go.
func goDrivers() []driver {
	return []driver{
		{"openai-go chat", "on-openai", "on-bedrock", goDriver("openai-chat")},
		{"openai-go responses", "on-responses", "on-gemini", goDriver("openai-responses")},
		{"anthropic-go", "on-anthropic", "on-openai", goDriver("anthropic")},
		{"genai-go", "on-gemini", "on-anthropic", goDriver("genai")},
		{"aws-sdk-go", "on-bedrock", "on-responses", goDriver("bedrock")},
	}
}

func goDriver(name string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		goWithModules(t, "matrix/go")
		// The one program is made for whichever driver is first. It is made aside,
		// so that none meets a half-made one.
		program := filepath.Join(workshop, "matrix-go")
		if _, err := os.Stat(program); err != nil {
			aside := filepath.Join(t.TempDir(), "driver")
			build := within(t, installTime, "go", "build", "-o", aside, ".")
			build.Dir, build.Env = "matrix/go", append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if err := os.Rename(aside, program); err != nil {
				t.Fatal(err)
			}
		}
		return within(t, matrixTime, program, name)
	}
}
