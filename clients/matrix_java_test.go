package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// javaDrivers are the clients of the matrix in Java, one program in matrix/java.
func javaDrivers() []driver {
	return []driver{
		{"openai-java chat", "on-openai", "on-responses", javaDriver("openai-chat")},
		{"openai-java responses", "on-responses", "on-openai", javaDriver("openai-responses")},
		{"anthropic-java", "on-anthropic", "on-gemini", javaDriver("anthropic")},
		{"aws-sdk-java", "on-bedrock", "on-anthropic", javaDriver("bedrock")},
	}
}

// The plugin of Maven that fetches packages, by version: all else is pinned in
// matrix/java/pom.xml.
const copyPackages = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// javaDriver runs the program. Its packages are many, so they are fetched by
// make matrix alone; an ordinary run goes by those that are kept.
func javaDriver(name string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		tools := map[string]string{"java": "", "javac": "", "mvn": ""}
		for tool := range tools {
			path, err := exec.LookPath(tool)
			if err != nil {
				missing(t, "there is no %s", tool)
			}
			tools[tool] = path
		}
		pins, err := filepath.Abs("matrix/java/pom.xml")
		if err != nil {
			t.Fatal(err)
		}
		packages := cached(t, "java", []string{pins}, copyPackages, func(dir string) ([]byte, error) {
			if os.Getenv("BULKHEAD_MATRIX") != "write" {
				return []byte("error: only make matrix fetches them"), os.ErrNotExist
			}
			fetch := within(t, installTime, tools["mvn"], "-B", "-q", "-f", pins, copyPackages, "-DoutputDirectory="+dir, "-DincludeScope=runtime")
			fetch.Env = os.Environ()
			return fetch.CombinedOutput()
		})
		sources, err := filepath.Glob("matrix/java/*.java")
		if err != nil {
			t.Fatal(err)
		}
		classes := cached(t, "java-classes", sources, packages, func(dir string) ([]byte, error) {
			path := filepath.Join(packages, "*")
			compile := within(t, installTime, tools["javac"], append([]string{"-cp", path, "-d", dir}, sources...)...)
			if out, err := compile.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return nil, nil
		})
		return within(t, matrixTime, tools["java"], "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", filepath.Join(packages, "*")+string(os.PathListSeparator)+classes, "Matrix", name)
	}
}
