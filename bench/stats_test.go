package main

import (
	"math"
	"testing"
)

func TestPercentile_IsTheNearestRank(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, tc := range []struct {
		name   string
		sorted []int
		p      float64
		want   int
	}{
		{"none", nil, 50, 0},
		{"one", []int{7}, 99, 7},
		{"middle of two is the lower", []int{1, 2}, 50, 1},
		{"middle of three", []int{1, 5, 9}, 50, 5},
		{"99 of a hundred", hundred, 99, 99},
		{"just above a rank", hundred, 98.1, 99},
		{"lowest", hundred, 0, 1},
		{"highest", hundred, 100, 100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := percentile(tc.sorted, tc.p); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestMedian(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"odd, unsorted", []float64{9, 1, 5}, 5},
		{"even", []float64{4, 1, 3, 2}, 2.5},
		{"a round that gave nothing", []float64{nan, 3, nan, 1, 2}, 2},
		{"nothing", []float64{nan}, nan},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := median(tc.values)
			if got != tc.want && !(math.IsNaN(got) && math.IsNaN(tc.want)) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
