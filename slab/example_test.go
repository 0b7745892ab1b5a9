package slab_test

import (
	"fmt"

	"github.com/metalio/metalio/slab"
)

func ExampleSlab() {
	type conn struct{ peer string }
	conns := slab.New[conn](slab.Config{Capacity: 1})

	token, _ := conns.Insert(conn{peer: "first"})
	if c, ok := conns.Get(token); ok {
		fmt.Println("event for", c.peer)
	}

	conns.Remove(token)
	again, _ := conns.Insert(conn{peer: "second"}) // takes the same slot

	_, ok := conns.Get(token)
	fmt.Println("late event finds a connection:", ok)
	c, _ := conns.Get(again)
	fmt.Println("event for", c.peer)
	_, err := conns.Insert(conn{})
	fmt.Println(err == slab.ErrFull, conns.Len(), conns.Cap())
	// Output:
	// event for first
	// late event finds a connection: false
	// event for second
	// true 1 1
}
