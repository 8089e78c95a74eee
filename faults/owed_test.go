package faults_test

import "slices"

// owed says why a state is not held to the table yet; empty: it is.
func owed(l lane, s *state) string {
	switch {
	case s.atomic:
		return "atomic delivery is not there yet"
	case slices.Contains([]string{"500 once", "500 for ever", "reset once", "reset for ever", "429 once with retry-after", "context length", "the other refuses, a third answers"}, s.row.name), s.row.name == "drip" && !s.stream:
		return "further attempts are not there yet"
	}
	return ""
}
