// Package money holds amounts of US dollars exactly, as whole millionths.
//
// Arithmetic that would overflow is refused rather than wrapped. It knows no
// other currency. Begin with [Parse].
package money

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Amount is a number of millionths of a US dollar. The zero value is nothing.
// The range is about ± 9.2 million million dollars.
type Amount int64

// Micro is the number of units in a dollar.
const Micro = 1_000_000

// Parse reads a plain decimal such as 250000.00 or 0.125: an optional minus,
// digits, and at most six decimals. Exponents, signs of plus, separators and
// more decimals are errors, so that nothing is ever rounded.
func Parse(s string) (Amount, error) {
	digits, neg := strings.CutPrefix(s, "-")
	whole, frac, point := strings.Cut(digits, ".")
	if !allDigits(whole) || (point && !allDigits(frac)) {
		return 0, fmt.Errorf("%q is not a plain decimal amount such as 1.25", s)
	}
	if len(frac) > 6 {
		return 0, fmt.Errorf("%q has more than six decimals", s)
	}
	frac += "000000"[len(frac):]
	w, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || w > math.MaxInt64/Micro-1 {
		return 0, fmt.Errorf("%q is too large an amount", s)
	}
	f, _ := strconv.ParseInt(frac, 10, 64)
	a := Amount(w*Micro + f)
	if neg {
		a = -a
	}
	return a, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// String prints the amount with at least two decimals and no more than needed.
// Parse reads it back to the same amount.
func (a Amount) String() string {
	sign, u := "", uint64(a)
	if a < 0 {
		sign, u = "-", uint64(-(a+1))+1
	}
	frac := fmt.Sprintf("%06d", u%Micro)
	for len(frac) > 2 && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	return sign + strconv.FormatUint(u/Micro, 10) + "." + frac
}
