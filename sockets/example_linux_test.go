package sockets_test

import (
	"fmt"
	"os"

	"github.com/metalio/metalio/sockets"
)

func ExampleTCPConn_Sendfile() {
	client, server, err := connected()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	defer server.Close()
	file, err := os.CreateTemp("", "sockets")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(file.Name())
	defer file.Close()
	fmt.Fprint(file, "from a file")

	sent, err := server.Sendfile(sockets.FD(file.Fd()), 5, 6)
	fmt.Println(sent, err)
	var buf [16]byte
	var n int
	err = wait(func() (err error) {
		n, err = client.Read(buf[:])
		return err
	})
	fmt.Println(string(buf[:n]), err)
	// Output:
	// 6 <nil>
	// a file <nil>
}
