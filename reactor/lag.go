package reactor

import (
	"math"
	"math/bits"
	"time"
)

// LagHistogram counts durations in buckets of a factor of two, from 1 µs to more
// than half an hour. It is a value: a copy stays as it is.
type LagHistogram struct {
	Count uint64        // durations
	Max   time.Duration // the longest

	buckets [lagBuckets]uint64 // bucket i is below 1 µs << i; the last has no bound
}

const lagBuckets = 32

// Quantile returns a duration that the share q of all durations does not exceed,
// at most twice the least such duration: the upper bound of a bucket, or Max. It
// is 0 if there are none. Quantile(0.99) is the 99th percentile.
func (h *LagHistogram) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.Count)))
	rank = min(max(rank, 1), h.Count)
	var sum uint64
	for i, n := range h.buckets {
		if sum += n; sum >= rank && n > 0 {
			return min(bucketBound(i), h.Max)
		}
	}
	return 0
}

func bucketBound(i int) time.Duration {
	if i == lagBuckets-1 {
		return math.MaxInt64
	}
	return time.Microsecond << i
}

func (h *LagHistogram) add(d time.Duration) {
	d = max(d, 0)
	h.Count++
	h.Max = max(h.Max, d)
	h.buckets[min(bits.Len64(uint64(d/time.Microsecond)), lagBuckets-1)]++
}
