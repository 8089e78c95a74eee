package estate

import (
	"regexp"
	"slices"
	"strings"

	"bulkhead/catalog"
)

// markingPattern is what any banner looks like: capitals, digits, and the
// separators of the markings system.
const markingPattern = `^(//)?[A-Z][A-Z0-9 ,/.()-]*$`

var bannerForm = regexp.MustCompile(markingPattern)

// markingProblem checks the form of a banner: what it begins with, and that no
// segment is empty. What it means is for package marking to say.
func markingProblem(s string) (problem, hint string) {
	const example = "write a banner such as U, CUI or SECRET//NOFORN"
	if !bannerForm.MatchString(s) {
		if up := strings.ToUpper(s); bannerForm.MatchString(up) && bannerLevel(up) != "" {
			return "is not in capitals", "write " + quoted(up)
		}
		return "is not a banner", example
	}
	for _, segment := range strings.Split(strings.TrimPrefix(s, "//"), "//") {
		if strings.TrimSpace(segment) != segment || segment == "" {
			return "has an empty or padded segment", "separate segments with // and no spaces"
		}
	}
	if bannerLevel(s) == "" {
		return "does not begin with a classification or CUI", example
	}
	return "", ""
}

// bannerLevel gives the clearance that a banner's first segment asks for, or
// nothing if it has no level. Banners of other nations, of NATO and joint ones
// begin with // and name their owners in that segment.
func bannerLevel(banner string) string {
	rest, foreign := strings.CutPrefix(banner, "//")
	first, _, _ := strings.Cut(rest, "//")
	if !foreign {
		return levelOf(first)
	}
	if strings.Contains(first, "TOP SECRET") {
		return "TS"
	}
	for _, word := range strings.Fields(first) {
		if word == "RESTRICTED" || word == "R" {
			return "C"
		}
		if level := levelOf(word); level != "" {
			return level
		}
	}
	return ""
}

func levelOf(word string) string {
	switch word {
	case "U", "UNCLASSIFIED", "CUI", "CONTROLLED":
		return "U"
	case "C", "CONFIDENTIAL":
		return "C"
	case "S", "SECRET":
		return "S"
	case "TS", "TOP SECRET":
		return "TS"
	}
	return ""
}

// isPlainU reports whether a banner says unclassified and nothing more.
func isPlainU(banner string) bool { return banner == "U" || banner == "UNCLASSIFIED" }

// aboveDomain reports whether a level may not be in a domain at all.
func aboveDomain(level string, d catalog.Domain) bool {
	levels := []string{"U", "C", "S", "TS"}
	highest := map[catalog.Domain]string{catalog.Unclassified: "U", catalog.Secret: "S", catalog.TopSecret: "TS"}
	top, known := highest[d]
	return known && slices.Index(levels, level) > slices.Index(levels, top)
}
