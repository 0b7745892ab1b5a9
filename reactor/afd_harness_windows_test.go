package reactor

import "time"

// slot is the record of a registered socket.
func (w *watcher) slot(s FD) (uint32, *pollRecord) {
	w.t.Helper()
	slot, ok := w.sel.bySocket.get(s)
	if !ok {
		w.t.Fatal("no record")
	}
	return slot, w.sel.slab.record(slot)
}

// waitForPort returns when a goroutine sleeps in p.Wait, or is about to: from
// then on changes are carried out at once. On a machine so busy that the wait is
// over by the time that this looks, it gives up.
func waitForPort(p *Poll) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		p.sel.mu.Lock()
		waiting := p.sel.waiting
		p.sel.mu.Unlock()
		if waiting {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
