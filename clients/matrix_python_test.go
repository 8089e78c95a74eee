package clients_test

import (
	"os/exec"
	"testing"
)

// matrixPins are the packages of all clients in Python.
const matrixPins = "matrix/python/requirements.txt"

// pythonDrivers are the clients of the matrix in Python; each is a file of
// matrix/python, run with the pins that lie beside it.
func pythonDrivers() []driver {
	return []driver{
		{"openai-python chat", "on-openai", "on-anthropic", pythonDriver("chat_completions.py")},
		{"openai-python responses", "on-responses", "on-bedrock", pythonDriver("responses.py")},
		{"anthropic-python", "on-anthropic", "on-gemini", pythonDriver("messages.py")},
		{"boto3", "on-bedrock", "on-anthropic", pythonDriver("converse.py")},
		{"genai-python", "on-gemini", "on-openai", pythonDriver("genai.py")},
		{"langchain-openai chat", "on-openai", "on-gemini", pythonDriver("chat_models.py", "langchain-openai chat")},
		{"langchain-openai responses", "on-responses", "on-anthropic", pythonDriver("chat_models.py", "langchain-openai responses")},
		{"langchain-anthropic", "on-anthropic", "on-openai", pythonDriver("chat_models.py", "langchain-anthropic")},
		{"langchain-aws", "on-bedrock", "on-openai", pythonDriver("chat_models.py", "langchain-aws")},
		{"langchain-google-genai", "on-gemini", "on-anthropic", pythonDriver("chat_models.py", "langchain-google-genai")},
	}
}

func pythonDriver(args ...string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		cmd := within(t, matrixTime, pythonWith(t, "python-matrix", matrixPins), append([]string{"-B"}, args...)...)
		cmd.Dir = "matrix/python"
		return cmd
	}
}
