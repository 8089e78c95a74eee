package money_test

import (
	"testing"

	"pgregory.net/rapid"

	"bulkhead/money"
)

func TestParse_ReadsPlainDecimals(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want money.Amount
	}{
		{"0", 0}, {"1", 1_000_000}, {"1.25", 1_250_000}, {"250000.00", 250_000_000_000},
		{"0.000001", 1}, {"-0.50", -500_000}, {"10.00", 10_000_000},
	} {
		got, err := money.Parse(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %d, %v; want %d", tt.in, got, err, tt.want)
		}
	}
}

func TestParse_RefusesWhatWouldBeRoundedOrGuessed(t *testing.T) {
	for _, in := range []string{"", ".", "1.", ".5", "1e3", "+1", "1,000", "0.0000001", "99999999999999999999", "9223372036854.9", "1_0", " 1", "NaN", "--1"} {
		if got, err := money.Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		}
	}
}

func TestString_IsReadBackToTheSameAmount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.Amount(rapid.Int64Range(-9_000_000_000_000_000_000, 9_000_000_000_000_000_000).Draw(t, "amount"))
		got, err := money.Parse(a.String())
		if err != nil || got != a {
			t.Fatalf("Parse(%q) = %d, %v; want %d", a.String(), got, err, a)
		}
	})
}
