//go:build unix

package reactor

import "testing"

// BenchmarkRoundTrip is a message from a goroutine to a loop and the answer back
// through a channel.
func BenchmarkRoundTrip(b *testing.B) {
	for _, policy := range policies() {
		b.Run(policy.String(), func(b *testing.B) {
			l := newLoop(b, Config{Wait: policy})
			answers := make(chan int, 1)
			done := make(chan error, 1)
			go func() { done <- l.Run(&answerer{answers: answers}) }()
			s := l.Sender()
			b.ReportAllocs()
			for b.Loop() {
				s.TrySend(1)
				<-answers
			}
			l.Stop()
			<-done
		})
	}
}
