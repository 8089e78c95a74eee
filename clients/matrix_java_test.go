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

// javaTools are the programs that the clients in Java need.
type javaTools struct{ java, javac, packages string }

// javaWithPackages finds a JDK, and the folder of the pinned packages. They are
// many, so they are fetched by make matrix alone; an ordinary run goes by those
// that are kept.
func javaWithPackages(t *testing.T) javaTools {
	t.Helper()
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
			return []byte("error: make matrix fetches them, and no other run"), os.ErrNotExist
		}
		fetch := within(t, installTime, tools["mvn"], "-B", "-q", "-f", pins, copyPackages, "-DoutputDirectory="+dir, "-DincludeScope=runtime")
		fetch.Env = os.Environ()
		return fetch.CombinedOutput()
	})
	return javaTools{tools["java"], tools["javac"], filepath.Join(packages, "*")}
}

func javaDriver(name string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		tools := javaWithPackages(t)
		sources, err := filepath.Glob("matrix/java/*.java")
		if err != nil {
			t.Fatal(err)
		}
		classes := cached(t, "java-classes", sources, tools.packages, func(dir string) ([]byte, error) {
			compile := within(t, installTime, tools.javac, append([]string{"-cp", tools.packages, "-d", dir}, sources...)...)
			if out, err := compile.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return nil, nil
		})
		path := tools.packages + string(os.PathListSeparator) + classes
		return within(t, matrixTime, tools.java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path, "Matrix", name)
	}
}
