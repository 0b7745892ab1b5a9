// Package slab stores values of one type in slots that are allocated in
// advance and addressed by generational keys.
//
// It is made for the connections of an event loop. Insert returns a [Key]
// that fits in a 64-bit token; when an event comes back with the token, Get
// finds the connection in a few instructions. Remove ends the key's life: an
// event that arrives late, for a connection whose slot has been given to
// another one in the meantime, finds nothing.
//
//	conns := slab.New[conn](slab.Config{Capacity: 1024, Limit: 1 << 20})
//	key, c, err := conns.Alloc()        // accept: fill *c, register with Token(key)
//	c, ok := conns.Get(slab.Key(token)) // event: !ok means that it came late
//	conns.Remove(key)                   // close
//
// Values never move: a pointer from Alloc, Get or All is valid until its key
// is removed, whether or not the slab grows. Nothing is allocated after New,
// except one chunk of slots each time that a growing slab has used up those it
// has. A slot is the value and 8 bytes. A removed value is zeroed, so that what
// it pointed to can be collected.
//
// A Slab belongs to one goroutine at a time; it does no locking.
package slab
