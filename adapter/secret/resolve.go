package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// MaxBytes is the size of the largest secret that is read. Keys, tokens and
// certificates are far smaller; a larger file is the wrong file.
const MaxBytes = 64 << 10

// Resolve reads the secret that a reference names: env:NAME is an environment
// variable, file:PATH a file, relative to the working folder. One newline at
// the end is not part of the secret, since editors and shells add it. A secret
// that is not there, empty or larger than [MaxBytes] is an error, which names
// the reference and never what was read.
func Resolve(ref string) (Value, error) { return ResolveIn("", ref) }

// ResolveIn is [Resolve] with relative files taken from a folder.
func ResolveIn(dir, ref string) (Value, error) {
	kind, name, ok := strings.Cut(ref, ":")
	switch {
	case ok && kind == "env" && name != "":
		return fromEnv(name)
	case ok && kind == "file" && name != "":
		if dir != "" && !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return fromFile(name)
	}
	// The text is not shown: someone may have written the secret itself here.
	return Value{}, errors.New("this is no reference to a secret; write env:NAME or file:PATH, never the secret itself")
}

func fromEnv(name string) (Value, error) {
	text, set := os.LookupEnv(name)
	if !set {
		return Value{}, fmt.Errorf("secret env:%s: the environment variable is not set", name)
	}
	return checked("env:"+name, text)
}

func fromFile(path string) (Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return Value{}, fmt.Errorf("secret file:%s: %w", path, cause(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+3)) // room for the newline, and to see that there is more
	if err != nil {
		return Value{}, fmt.Errorf("secret file:%s: %w", path, cause(err))
	}
	return checked("file:"+path, string(b))
}

// checked trims one line ending and refuses what cannot be a secret.
func checked(ref, text string) (Value, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case text == "":
		return Value{}, fmt.Errorf("secret %s: it is empty", ref)
	case len(text) > MaxBytes:
		return Value{}, fmt.Errorf("secret %s: it is larger than %d bytes", ref, MaxBytes)
	}
	return Of(text), nil
}

// cause drops the path from an error that will be told with it.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
