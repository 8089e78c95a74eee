package estate

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"bulkhead/call"
)

// form is what a text must look like. pattern is what the JSON Schema says;
// check may ask for more.
type form struct {
	pattern string
	match   *regexp.Regexp
	want    string // what to write, after "write "
	hush    bool   // the text is never repeated in a message
	more    func(s string) (problem, hint string)
	by      func(t *tables, s string) (problem, hint string) // more, by the tables in force
}

// check says what is wrong with a text and what to write, or nothing.
func (f form) check(t *tables, s string) (problem, hint string) {
	more := f.more
	if f.by != nil {
		more = func(s string) (string, string) { return f.by(t, s) }
	}
	if more != nil {
		problem, hint = more(s)
	}
	if problem == "" && !f.match.MatchString(s) {
		return "is not in the right form", "write " + f.want
	}
	return problem, hint
}

// formOf gives a form by the name that the tags of the file kinds use.
func formOf(name string) form {
	f, known := forms()[name]
	if !known {
		panic("estate: no form is called " + name)
	}
	return f
}

// forms gives all forms by name; what it returns is shared and not to be changed.
var forms = sync.OnceValue(func() map[string]form {
	all := map[string]form{
		"name":         {pattern: `^[a-z0-9][a-z0-9._-]{0,62}$`, want: "a name of lower-case letters, digits, dots, dashes and underscores, 63 at most"},
		"partition":    {pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`, want: "a name of letters, digits, dots, dashes and underscores"},
		"model":        {pattern: `^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$`, want: "a name of letters, digits, dots, colons, dashes and underscores"},
		"alias":        {pattern: `^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$`, want: "a name that applications can send as their model"},
		"model_ref":    {pattern: `^[a-z0-9][a-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._:@-]*$`, want: "vendor/model, such as openai/gpt-5.4"},
		"line_ref":     {pattern: `^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`, want: "contract/line, such as jwcc-0007/0001"},
		"number":       {pattern: `^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`, want: "a number or name of letters, digits, dots and dashes"},
		"purpose":      {pattern: `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`, want: "a purpose such as admin or benefits.casework"},
		"obligation":   {pattern: `^[A-Z][A-Z0-9_]*(\([^()]*\))?$`, want: "an obligation such as HUMAN_REVIEW"},
		"category":     {pattern: `^[A-Z][A-Z0-9_]*$`, want: "a category in capitals such as HIGH_STAKES_DECISION"},
		"country":      {pattern: `^[A-Z]{2}$`, want: "an ISO 3166 country code of two letters, such as US", more: countryProblem},
		"citizenship":  {pattern: `^[A-Z]{3}$`, want: "an ISO 3166 country code of three letters, such as USA", by: citizenshipProblem},
		"affiliation":  {pattern: `^(US-FED|US-SLTT|CONTRACTOR|[A-Z]{3}-GOV)$`, want: "US-FED, US-SLTT, CONTRACTOR or a country's government such as GBR-GOV", by: affiliationProblem},
		"marking":      {pattern: markingPattern, want: "a banner such as U, CUI or SECRET//NOFORN", by: markingProblem},
		"trigraph":     {pattern: `^[A-Z]{3}$`, want: "a country code of three capital letters, such as GBR"},
		"organisation": {pattern: `^[A-Z]{2,4}$`, want: "a code of two to four capital letters, such as NATO"},
		"cui_category": {pattern: `^[A-Z0-9][A-Z0-9-]{0,22}[A-Z0-9]$`, want: "the abbreviation of a CUI category, such as PRVCY"},
		"sci":          {pattern: `^[A-Z0-9]{1,24}$`, want: "capital letters and digits, such as TK"},
		"sci_title":    {pattern: `^[A-Z0-9]+( [A-Z0-9]+)*$`, want: "words in capitals, such as TALENT KEYHOLE"},
		"host_pattern": {pattern: hostPattern, want: "a host such as models.{region}.cloud.example", more: hostProblem},
		"readin":       {pattern: `^[A-Z0-9][A-Z0-9 -]*$`, want: "a compartment or programme such as SI or TK"},
		"cui":          {pattern: `^[A-Z][A-Z0-9 ,/-]*$`, want: "any, or codes in capitals such as SP-PRVCY"},
		"control":      {pattern: `^[A-Z][A-Z0-9 ,/-]*$`, want: "any, or codes in capitals such as SP-PRVCY"},
		"retention":    {pattern: `^(none|unknown|[1-9][0-9]*d)$`, want: "none, unknown, or days such as 30d"},
		"url":          {pattern: `^https?://[^/?#@\s]+(/[^?#\s]*)?$`, want: "an address such as https://host.example/v1", hush: true, more: urlProblem},
		"second_place": {pattern: `^(https?://[^/?#@\s]+(/[^?#\s]*)?|[^:]+)$`, want: "a folder such as ../ledger-copies, or an address such as https://host.example/ledger", hush: true, more: secondPlaceProblem},
		"proxy":        {pattern: `^https?://[^/?#@\s]+/?$`, want: "a proxy's address such as http://proxy.example:3128", hush: true, more: urlProblem},
		"secret":       {pattern: `^(env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*)$`, want: "a reference, env:NAME or file:PATH", hush: true, more: secretProblem},
		"file":         {pattern: `\S`, want: "the path of a file"},
		"access_key":   {pattern: `^[A-Z0-9]{16,128}$`, want: "the id of an AWS access key, such as AKIAIOSFODNN7EXAMPLE", hush: true},
		"tenant":       {pattern: `^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$`, want: "an id of letters, digits, dots and dashes", hush: true},
		"host":         {pattern: `^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`, want: "a host name"},
		"capability":   {pattern: capabilityPattern(), want: oneOf(capabilities()), more: capabilityProblem},
	}
	for name, f := range all {
		f.match = regexp.MustCompile(f.pattern)
		all[name] = f
	}
	return all
})

// capabilities lists what a row can grant.
func capabilities() []string {
	all := []call.Capability{call.WebSearch, call.HostedMCP, call.FileSearch, call.CodeInterpreter, call.ComputerUse,
		call.ImageGeneration, call.RemoteURL, call.FileID, call.ConversationID, call.PromptID, call.DataSources,
		call.VendorFallback, call.Background, call.Store, call.ServerSideHistory, call.Guardrail}
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = string(c)
	}
	return out
}

func capabilityPattern() string { return "^(" + strings.Join(capabilities(), "|") + ")$" }

func capabilityProblem(s string) (problem, hint string) {
	for _, c := range capabilities() {
		if c == s {
			return "", ""
		}
	}
	if near := nearest(s, capabilities()); near != "" {
		return "is not a capability", fmt.Sprintf("did you mean %q?", near)
	}
	return "is not a capability", "write " + strings.Join(capabilities(), ", ")
}

func countryProblem(s string) (problem, hint string) {
	codes := countries()
	if codes[s] != "" {
		return "", ""
	}
	for two, three := range codes {
		if s == three || strings.EqualFold(s, two) {
			return "is not an ISO 3166 code of two letters", fmt.Sprintf("write %q", two)
		}
	}
	if s == "UK" {
		return "is not an ISO 3166 code of two letters", `write "GB"`
	}
	return "is not an ISO 3166 code of two letters", "write a country such as US"
}

func citizenshipProblem(t *tables, s string) (problem, hint string) {
	if t.marks.Table().Country(s) {
		return "", ""
	}
	for two, three := range countries() {
		switch {
		case s == three:
			return "", ""
		case s == two || strings.EqualFold(s, three):
			return "is not an ISO 3166 code of three letters", fmt.Sprintf("write %q", three)
		}
	}
	return "is not an ISO 3166 code of three letters", "write a country such as USA"
}

func affiliationProblem(t *tables, s string) (problem, hint string) {
	country, gov := strings.CutSuffix(s, "-GOV")
	if !gov {
		return "", ""
	}
	if problem, _ := citizenshipProblem(t, country); problem != "" {
		return "names no country", "write US-FED, US-SLTT, CONTRACTOR or a country's government such as GBR-GOV"
	}
	return "", ""
}

// secretProblem refuses a value where a reference belongs, without repeating it.
func secretProblem(s string) (problem, hint string) {
	if strings.HasPrefix(s, "env:") || strings.HasPrefix(s, "file:") {
		return "", ""
	}
	return "is not a reference; if it was a secret, it is known now and must be replaced",
		"write env:NAME or file:PATH, and keep the value there"
}

// urlProblem refuses addresses of endpoints that could not be, or that carry
// what does not belong there. It repeats nothing of them.
func urlProblem(s string) (problem, hint string) {
	if problem, hint = addressProblem(s); problem != "" {
		return problem, hint
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", ""
	}
	for _, end := range []string{"/chat/completions", "/embeddings", "/models", "/responses"} {
		if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), end) {
			return "ends with " + end + ", which is added for each call", "write the address without it"
		}
	}
	return "", ""
}

// addressProblem refuses addresses that could not be. It repeats nothing of them.
func addressProblem(s string) (problem, hint string) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "cannot be read as an address", "write an address such as https://host.example/v1"
	case u.Scheme != "https" && u.Scheme != "http":
		return "does not begin with https:// or http://", "write an address such as https://host.example/v1"
	case u.User != nil:
		return "has credentials in it", "remove them; write auth: {kind: bearer, secret: \"env:NAME\"}"
	case u.Hostname() == "" || badPort(u.Port()):
		return "has no host or no such port", "write an address such as https://host.example/v1"
	case u.RawQuery != "" || u.ForceQuery:
		return "has a query (?)", "remove it; Azure's version goes into api_version"
	case u.Fragment != "" || strings.Contains(s, "#"):
		return "has a fragment (#)", "remove it"
	case strings.Contains(u.Path, "//") || path.Clean("/"+u.Path) != "/"+strings.Trim(u.Path, "/"):
		return "has a path with empty, . or .. parts", "write the path plainly"
	}
	return "", ""
}

func badPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port != "" && (err != nil || n < 1 || n > 65535)
}
