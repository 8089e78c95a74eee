package clients_test

import (
	"os/exec"
	"testing"
)

// nodeDrivers are the clients of the matrix in JavaScript; each is a file of
// matrix/node, run with the pins of the suites.
func nodeDrivers() []driver {
	return []driver{
		{"openai-node chat", "on-openai", "on-gemini", nodeDriver("openai-chat.mjs")},
		{"openai-node responses", "on-responses", "on-anthropic", nodeDriver("openai-responses.mjs")},
		{"anthropic-node", "on-anthropic", "on-bedrock", nodeDriver("anthropic.mjs")},
		{"aws-sdk-js", "on-bedrock", "on-openai", nodeDriver("bedrock.mjs")},
		{"genai-node", "on-gemini", "on-responses", nodeDriver("genai.mjs")},
		{"vercel openai", "on-responses", "on-bedrock", nodeDriver("vercel.mjs", "openai")},
		{"vercel anthropic", "on-anthropic", "on-openai", nodeDriver("vercel.mjs", "anthropic")},
		{"vercel google", "on-gemini", "on-anthropic", nodeDriver("vercel.mjs", "google")},
		{"vercel amazon-bedrock", "on-bedrock", "on-gemini", nodeDriver("vercel.mjs", "amazon-bedrock")},
	}
}

func nodeDriver(args ...string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		node, dir := nodeWithPackages(t, "matrix/node/*.mjs")
		cmd := within(t, matrixTime, node, args...)
		cmd.Dir = dir
		return cmd
	}
}
