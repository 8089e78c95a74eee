package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"bulkhead/estate"
	"bulkhead/marking"
)

const markingUsage = `usage: bulkhead marking parse     [--portion] [--json] [--profile P] [--estate DIR] TEXT...
       bulkhead marking join      [--json] [--profile P] [--estate DIR] PORTION[@YYYY-MM-DD]...
       bulkhead marking dominates [--ceiling] [--json] [--profile P] [--estate DIR] SUBJECT|@FILE LABEL

parse      reads each TEXT as a mark: a banner, or with --portion a portion mark
join       gives the banner and label that cover all portions; the date is that of the portion
dominates  says whether SUBJECT may have LABEL. SUBJECT is JSON such as
           {"clearance":"S","citizenship":["USA"],"affiliation":"US-FED","readins":[]}
           (with --ceiling what it leaves out it may not hold), or a banner, which stands for a ceiling.
           LABEL is a banner, a portion mark, or a label's own JSON.
--profile  ic, dod or legacy: whose rules hold where texts differ; without it the estate's, else ic
--estate   the folder of an estate, to read by its tables and profile; without it by the shipped tables
A TEXT that begins with -- stands after a lone --.
exit: 0 fine, 1 invalid or no, 2 usage, 3 could not run
`

// markingArgs is a command line of bulkhead marking.
type markingArgs struct {
	verb     string
	texts    []string
	json     bool
	portion  bool
	ceiling  bool
	profile  string // empty: the estate's, else the IC's
	estate   string // empty: none
	register *marking.Register
}

// runMarking checks marks for a person: parse, join, dominates. It returns the exit code.
func runMarking(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a, err := parseMarkingArgs(args)
	if errors.Is(err, errMarkingHelp) {
		fmt.Fprint(stdout, markingUsage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead marking: %v\n%s", err, markingUsage)
		return 2
	}
	if err := a.load(ctx); err != nil {
		fmt.Fprintf(stderr, "bulkhead marking: %v\n", err)
		return 3
	}
	var code int
	switch a.verb {
	case "parse":
		code, err = markingParse(ctx, a, stdout)
	case "join":
		code, err = markingJoin(a, stdout)
	default:
		code, err = markingDominates(a, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead marking %s: %v\n", a.verb, err)
		return 3
	}
	return code
}

var errMarkingHelp = errors.New("help")

// parseMarkingArgs takes flags before, between and after texts.
func parseMarkingArgs(args []string) (markingArgs, error) {
	a := markingArgs{}
	flags := true
	for i := 0; i < len(args); i++ {
		x := args[i]
		name, value, valued := strings.Cut(x, "=")
		switch {
		case flags && x == "--":
			flags = false
		case flags && (x == "--help" || x == "-h" || x == "-help"):
			return a, errMarkingHelp
		case flags && (name == "--profile" || name == "-profile"):
			if !valued {
				if i++; i == len(args) {
					return a, errors.New("--profile needs ic, dod or legacy")
				}
				value = args[i]
			}
			if _, ok := marking.ParseProfile(value); !ok {
				return a, fmt.Errorf("--profile %s: write ic, dod or legacy", value)
			}
			a.profile = value
		case flags && (name == "--estate" || name == "-estate"):
			if !valued {
				if i++; i == len(args) {
					return a, errors.New("--estate needs a folder")
				}
				value = args[i]
			}
			if a.estate = value; value == "" {
				return a, errors.New("--estate needs a folder")
			}
		case flags && (x == "--json" || x == "-json"):
			a.json = true
		case flags && (x == "--portion" || x == "-portion"):
			a.portion = true
		case flags && (x == "--ceiling" || x == "-ceiling"):
			a.ceiling = true
		case flags && strings.HasPrefix(x, "-") && len(x) > 1:
			return a, fmt.Errorf("no flag %s", x)
		case a.verb == "":
			a.verb = x
		default:
			a.texts = append(a.texts, x)
		}
	}
	switch {
	case a.verb == "":
		return a, errors.New("write parse, join or dominates")
	case a.verb != "parse" && a.verb != "join" && a.verb != "dominates":
		return a, fmt.Errorf("no verb %q: write parse, join or dominates", a.verb)
	case a.verb == "dominates" && len(a.texts) != 2:
		return a, errors.New("dominates takes a subject and a label")
	case len(a.texts) == 0:
		return a, fmt.Errorf("%s takes at least one text", a.verb)
	case a.portion && a.verb != "parse", a.ceiling && a.verb != "dominates":
		return a, fmt.Errorf("--portion is for parse, --ceiling for dominates")
	}
	return a, nil
}

// load makes the register: of the estate's tables and profile, or of the shipped ones.
func (a *markingArgs) load(ctx context.Context) error {
	a.register = marking.NewRegister(marking.Shipped(), marking.IC)
	if a.estate != "" {
		e, report, err := estate.Load(ctx, a.estate)
		if err == nil {
			err = report.Err()
		}
		if err != nil {
			return err
		}
		a.register = e.Register()
	}
	if p, ok := marking.ParseProfile(a.profile); ok {
		a.register = a.register.Under(p)
	}
	return nil
}

// markingParsed is one line of parse --json.
type markingParsed struct {
	Text  string `json:"text"`
	Form  string `json:"form"`
	Valid bool   `json:"valid"`
	// Canonical is empty for what is not valid.
	Canonical string `json:"canonical"`
	marking.Fields
	Errors   []marking.Fault `json:"errors"`
	Warnings []marking.Fault `json:"warnings"`
}

func markingParse(ctx context.Context, a markingArgs, out io.Writer) (int, error) {
	form, code := marking.Banner, 0
	if a.portion {
		form = marking.Portion
	}
	for _, text := range a.texts {
		if err := ctx.Err(); err != nil {
			return 3, err
		}
		got := a.register.Parse(text, form)
		line := markingParsed{
			Text: text, Form: form.String(), Valid: got.Valid(), Fields: got.Mark.Fields(),
			Errors: append([]marking.Fault{}, got.Errors...), Warnings: append([]marking.Fault{}, got.Warnings...),
		}
		if line.Valid {
			line.Canonical = a.register.Print(got.Mark)
		} else {
			code = 1
		}
		if a.json {
			if err := markingLine(out, line); err != nil {
				return 3, err
			}
			continue
		}
		if line.Valid {
			fmt.Fprintf(out, "%s: valid, canonically %s, means %s\n", text, line.Canonical, a.register.Banner(a.register.Label(got.Mark)))
		} else {
			fmt.Fprintf(out, "%s: not valid\n", text)
		}
		markingFaults(out, got)
	}
	return code, nil
}

func markingFaults(out io.Writer, got marking.Reading) {
	for _, f := range append(append([]marking.Fault{}, got.Errors...), got.Warnings...) {
		fmt.Fprintf(out, "  %-22s byte %d, length %d: %s\n", f.Code, f.Offset, f.Length, f.Message)
	}
}

func markingLine(out io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\n'))
	return err
}

// markingJoined is the line of join --json.
type markingJoined struct {
	Valid  bool           `json:"valid"`
	Banner string         `json:"banner"`
	Label  *marking.Label `json:"label"`
	// Faults holds what is wrong with each portion that is not valid.
	Faults []markingFaulty `json:"faults,omitempty"`
}

type markingFaulty struct {
	Text   string          `json:"text"`
	Errors []marking.Fault `json:"errors"`
}

func markingJoin(a markingArgs, out io.Writer) (int, error) {
	sum := marking.Unmarked()
	result := markingJoined{Valid: true}
	for _, arg := range a.texts {
		text, day := cutMarkingDate(arg)
		got := a.register.Parse(text, markingForm(text))
		if !got.Valid() {
			result.Valid = false
			result.Faults = append(result.Faults, markingFaulty{Text: text, Errors: got.Errors})
			if !a.json {
				fmt.Fprintf(out, "%s: not valid\n", text)
				markingFaults(out, got)
			}
			continue
		}
		sum = sum.Join(a.register.LabelDated(got.Mark, day))
	}
	code := 0
	if result.Valid {
		result.Banner, result.Label = a.register.Banner(sum), &sum
	} else {
		code = 1
	}
	if a.json {
		return code, markingLine(out, result)
	}
	if result.Valid {
		label, err := json.Marshal(sum)
		if err != nil {
			return 3, err
		}
		fmt.Fprintf(out, "%s\n%s\n", result.Banner, label)
	}
	return code, nil
}

// cutMarkingDate takes @YYYY-MM-DD off the end of a portion.
func cutMarkingDate(s string) (string, time.Time) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		if day, err := time.Parse(time.DateOnly, s[i+1:]); err == nil {
			return s[:i], day
		}
	}
	return s, time.Time{}
}

func markingForm(text string) marking.Form {
	if strings.HasPrefix(strings.TrimSpace(text), "(") {
		return marking.Portion
	}
	return marking.Banner
}

// markingVerdict is the line of dominates --json.
type markingVerdict struct {
	Allow bool         `json:"allow"`
	Rule  marking.Rule `json:"rule"`
	Why   string       `json:"why"`
}

func markingDominates(a markingArgs, out io.Writer) (int, error) {
	text := a.texts[0]
	if file, ok := strings.CutPrefix(text, "@"); ok {
		b, err := os.ReadFile(file)
		if err != nil {
			return 3, err
		}
		text = strings.TrimSpace(string(b))
	}
	var verdict markingVerdict
	subject, err := markingSubject(a, text)
	if err != nil {
		verdict.Rule, verdict.Why = "subject_invalid", "the subject: "+err.Error()
	} else if label, err := markingLabel(a, a.texts[1]); err != nil {
		verdict.Rule, verdict.Why = "label_invalid", "the label: "+err.Error()
	} else {
		v := subject.May(label)
		verdict = markingVerdict{Allow: v.Allow, Rule: v.Rule, Why: v.Why()}
	}
	code := 1
	if verdict.Allow {
		code = 0
	}
	if a.json {
		return code, markingLine(out, verdict)
	}
	answer := map[bool]string{true: "yes", false: "no"}[verdict.Allow]
	fmt.Fprintf(out, "%s (%s): %s\n", answer, verdict.Rule, verdict.Why)
	return code, nil
}

// markingSubject reads a subject: JSON, or a banner that stands for the least ceiling that may have it.
func markingSubject(a markingArgs, text string) (marking.Subject, error) {
	var spec marking.Spec
	if !strings.HasPrefix(text, "{") {
		label, err := markingLabel(a, text)
		if err != nil {
			return marking.Subject{}, err
		}
		if spec, err = marking.CeilingSpec(label); err != nil {
			return marking.Subject{}, err
		}
		return marking.Ceiling(spec)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&spec); err != nil {
		return marking.Subject{}, err
	}
	if a.ceiling {
		return marking.Ceiling(spec)
	}
	return marking.Person(spec)
}

func markingLabel(a markingArgs, text string) (marking.Label, error) {
	if strings.HasPrefix(text, "{") {
		var l marking.Label
		err := json.Unmarshal([]byte(text), &l)
		return l, err
	}
	got := a.register.Parse(text, markingForm(text))
	if !got.Valid() {
		errs := make([]error, len(got.Errors))
		for i, f := range got.Errors {
			errs[i] = f
		}
		return marking.Label{}, errors.Join(errs...)
	}
	return a.register.Label(got.Mark), nil
}
