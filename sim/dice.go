package sim

import (
	"hash/fnv"
	"math"
)

// dice is a small repeatable source of choices (SplitMix64): equal seeds throw equal numbers on every machine.
type dice struct{ state uint64 }

// diceFor seeds dice with texts; their borders count.
func diceFor(texts ...string) *dice {
	h := fnv.New64a()
	for _, t := range texts {
		h.Write([]byte(t))
		h.Write([]byte{0})
	}
	return &dice{h.Sum64()}
}

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// below throws 0 ≤ x < n; n must be at least 1.
func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// unit throws 0 ≤ x < 1.
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

// normal throws a number around 0 with variance 1.
func (d *dice) normal() float64 {
	return math.Sqrt(-2*math.Log(1-d.unit())) * math.Cos(2*math.Pi*d.unit())
}

func pick[T any](d *dice, from []T) T { return from[d.below(len(from))] }

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// letters throws n letters and digits.
func (d *dice) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphanumeric[d.below(len(alphanumeric))]
	}
	return string(b)
}

// hex throws n hexadecimal digits.
func (d *dice) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[d.below(16)]
	}
	return string(b)
}

// uuid throws an identifier of version 4's form.
func (d *dice) uuid() string {
	return d.hex(8) + "-" + d.hex(4) + "-4" + d.hex(3) + "-a" + d.hex(3) + "-" + d.hex(12)
}
