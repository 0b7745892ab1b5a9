package sockets_test

import (
	"testing"

	"github.com/metalio/metalio/internal/behaviours"
)

// TestBehaviours names the behaviours that the sockets hold by themselves; the
// package reactor tests them again with events.
func TestBehaviours(t *testing.T) {
	for _, b := range []struct {
		name string
		test func(*testing.T)
	}{
		{"connect_success_is_writable", connectSuccessIsWritable},
		{"connect_refused_is_writable_or_error_with_take_error", connectRefused},
		{"reset_is_readable_and_read_fails", resetIsReadable},
		{"buffered_data_before_eof_is_readable", bufferedDataBeforeEOF},
		{"writable_again_after_buffer_drains", writableAgain},
		{"empty_datagram_is_readable", emptyDatagram},
		{"connected_udp_ignores_third_parties", connectedUDPIgnoresThirdParties},
		{"16_MiB_both_ways_arrive_intact", sixteenMiBBothWays},
		{"accept_storm", acceptStorm},
		{"conn_from_net_and_back_keeps_data", connFromNetAndBack},
		{"ownership_after_conversion", ownershipAfterConversion},
		{"std_reads_and_poll_watches_at_once", stdReadsAtOnce},
		{"closed_net_Conn_is_refused", closedNetConnIsRefused},
		{"udp_message_too_long", udpMessageTooLong},
		{"udp_port_unreachable", udpPortUnreachable},
	} {
		behaviours.Run(t, b.name, b.test)
	}
}
