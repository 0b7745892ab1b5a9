package behaviours

import "slices"

// Group is a part of the table.
type Group struct {
	Name       string
	Packages   []string  // where its tests are, relative to the module
	On         []Backend // the only ones where it means anything
	Behaviours []Behaviour
}

// Behaviour is a row of the table.
type Behaviour struct {
	Name     string
	Packages []string // instead of the group's
	Budget   Times
	Except   []Exception
}

// Times is how often a behaviour is tried. What is not given is as Native.
type Times struct {
	Native int
	Race   int // natively with the race detector, which makes everything slower
	QEMU   int
	Wine   int
	Sim    int
}

// Exception says where a behaviour is not held, and why.
type Exception struct {
	On  []Backend
	Why string
}

func (b Times) on(backend Backend, race bool) int {
	n := map[Backend]int{QEMU: b.QEMU, Wine: b.Wine, KqueueSim: b.Sim}[backend]
	if race && n == 0 {
		n = b.Race
	}
	if n == 0 {
		n = b.Native
	}
	return n
}

// Table is what metalio holds. The tests of these names are in the packages of
// the group or of the row, in all of them.
var Table = []Group{
	{
		Name: "Registration", Packages: inReactor, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "register_deregister"},
			{Name: "double_register_fails"},
			{Name: "deregister_unknown_fails"},
			{Name: "reregister_unknown_fails"},
			{Name: "reregister_changes_token_and_interest"},
			{Name: "reregister_before_any_wait_gives_no_stale_event"},
			{Name: "pending_data_fires_after_reregister"},
			{Name: "register_during_wait_wakes_it"},
			{Name: "registry_from_three_goroutines_while_waiting"},
			{Name: "no_events_after_deregister"},
			{Name: "deregistered_listener_with_pending_connection"},
			{Name: "fd_reuse_no_stale_event"},
			{Name: "dup_deregister_close_no_spin"},
			{Name: "close_without_deregister_is_harmless"},
			{Name: "same_token_on_two_fds"},
			{Name: "two_polls_one_fd", Except: secondPollIsRefused},
			{Name: "regular_file_is_refused"},
			{Name: "closed_fd_is_refused"},
			{Name: "bad_fd_is_refused"},
			{Name: "empty_interest_is_refused"},
			{Name: "register_churn_10k", Budget: Times{Native: 10_000}},
			{Name: "poll_close_with_registrations"},
			{Name: "poll_closed_twice"},
			{Name: "create_and_close_2000_polls_leaks_nothing", Budget: Times{Native: 2000}},
		},
	},
	{
		Name: "Readiness", Packages: inReactor, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "level_repeats_until_drained"},
			{Name: "edge_fires_once_then_again_on_new_data"},
			{Name: "edge_drain_then_would_block_then_new_data"},
			{Name: "oneshot_silent_until_reregister"},
			{Name: "oneshot_read_and_write_interest_fires_once"},
			{Name: "mode_change_while_pending"},
			{Name: "read_and_write_in_one_registration"},
			{Name: "peer_close_is_read_closed"},
			{Name: "half_close_is_read_closed_not_write_closed"},
			{Name: "own_shutdown_write_is_not_hangup"},
			{Name: "connect_success_is_writable", Packages: inReactorAndSockets},
			{Name: "connect_refused_is_writable_or_error_with_take_error", Packages: inReactorAndSockets},
			{Name: "reset_is_readable_and_read_fails", Packages: inReactorAndSockets, Except: noReset},
			{Name: "buffered_data_before_eof_is_readable", Packages: inReactorAndSockets},
			{Name: "writable_again_after_buffer_drains", Packages: inReactorAndSockets},
			{Name: "empty_datagram_is_readable", Packages: inReactorAndSockets},
			{Name: "connected_udp_ignores_third_parties", Packages: inReactorAndSockets},
			{Name: "pipe_writer_closed_is_one_read_closed"},
			{Name: "pipe_reader_closed_is_write_closed_even_with_error_alone", Except: pipeOfSockets},
			{Name: "urgent_data_is_priority", Except: noPriority},
			{Name: "child_process_stdout_pipe", Except: socketsOnly},
			{Name: "unix_stream_and_datagram", Except: noUnixSockets},
			{Name: "16_MiB_both_ways_arrive_intact", Packages: inReactorAndSockets},
			{Name: "accept_storm", Packages: inReactorAndSockets, Budget: Times{Native: 2000}},
		},
	},
	{
		Name: "Waiting", Packages: inReactor, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "zero_timeout_returns_ready_events_and_never_blocks"},
			{Name: "timeout_never_early", Budget: Times{Native: 1000}},
			{Name: "negative_timeout_waits_for_ever"},
			{Name: "timeout_beyond_24_days_and_beyond_49_days"},
			{Name: "signal_during_wait_keeps_the_remaining_time", Except: noUnixSignals},
			{Name: "more_ready_than_capacity_starves_none"},
			{Name: "nothing_registered_sleeps"},
			{Name: "wait_on_closed_poll_fails"},
			{Name: "close_wakes_a_waiter"},
		},
	},
	{
		Name: "Wakers and messages", Packages: inReactorAndMsgq, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "wake_before_wait_is_delivered"},
			{Name: "many_wakes_are_one_event"},
			{Name: "wake_from_another_goroutine"},
			{Name: "wakes_from_10_goroutines"},
			{Name: "wake_races_a_signal", Packages: inReactor, Except: noUnixSignals},
			{Name: "no_lost_wake", Budget: Times{Native: 10_000_000, Race: 300_000, QEMU: 1_000_000, Wine: 100_000, Sim: 20_000}},
			{Name: "one_syscall_for_a_burst"},
			{Name: "none_while_awake"},
			{Name: "fifo_for_each_producer"},
			{Name: "full_returns_ErrFull"},
			{Name: "send_waits_for_room_and_honours_context"},
			{Name: "handler_sends_to_its_own_loop"},
			{Name: "close_keeps_what_was_accepted"},
			{Name: "send_after_close_is_ErrClosed"},
			{Name: "loop_stop_with_blocked_senders"},
			{Name: "mixing_messages_and_sockets_starves_neither", Packages: inReactor},
		},
	},
	{
		Name: "Timers", Packages: inTimers, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "order"},
			{Name: "same_deadline_fifo"},
			{Name: "later_then_earlier"},
			{Name: "never_early"},
			{Name: "cancel_before"},
			{Name: "cancel_inside_handler"},
			{Name: "cancel_twice"},
			{Name: "stale_id_after_reuse"},
			{Name: "reset_later_and_sooner"},
			{Name: "zero_and_negative_delay_fire_on_the_next_turn_not_this_one", Packages: inTimersAndReactor},
			{Name: "set_inside_handler"},
			{Name: "after_from_a_slow_handler_is_not_early", Packages: inReactor},
			{Name: "wheel_wrap"},
			{Name: "cascade_boundaries"},
			{Name: "long_gap_catch_up"},
			{Name: "exact_next_expiry", Budget: Times{Native: 50, QEMU: 20, Wine: 20}},
			{Name: "wheel_against_sorted_slice", Budget: Times{Native: 500}},
			{Name: "periodic_without_drift_reports_overruns", Packages: inTimersAndReactor},
			{Name: "expiry_budget", Packages: inTimersAndReactor},
			{Name: "slab_full_is_an_error_or_grows_as_configured"},
			{Name: "million_timers", Budget: Times{Native: 1_000_000}},
			{Name: "huge_delay"},
			{Name: "time_that_stands_still"},
			{Name: "cancel_does_not_spin"},
		},
	},
	{
		Name: "Signals", Packages: inSignals, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "delivered_to_handler", Packages: inSignalsAndReactor},
			{Name: "at_least_one_event_after_the_last_delivery"},
			{Name: "coexists_with_os_signal_Notify"},
			{Name: "not_notified_signal_keeps_its_default"},
			{Name: "storm_of_1000_ends_with_an_event", Packages: inSignalsAndReactor, Budget: Times{Native: 1000}},
			{Name: "stop_restores_disposition"},
			{Name: "child_inherits_no_ignored_signal"},
			{Name: "two_loops_each_get_it", Packages: inSignalsAndReactor},
			{Name: "SIGURG_preemption_disturbs_nothing", Except: noUnixSignals},
			{Name: "windows_ctrl_c", Except: noConsoleEvents},
		},
	},
	{
		Name: "Loop", Packages: inReactor, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "turn_order"},
			{Name: "stop_from_handler_and_from_another_goroutine"},
			{Name: "run_twice"},
			{Name: "panic_in_handler_leaves_loop_closable"},
			{Name: "stale_event_in_batch_after_deregister_is_dropped"},
			{Name: "handler_registers_and_deregisters_freely"},
			{Name: "sources_do_not_starve_each_other"},
			{Name: "runs_one_turn_with_timeout"},
			{Name: "error_alone_reaches_a_handler"},
			{Name: "stop_before_run"},
			{Name: "second_wait_is_an_error"},
			{Name: "process_exit_delivered_once"},
			{Name: "already_exited_child"},
			{Name: "exit_storm_of_200", Budget: Times{Native: 200}},
			{Name: "stats_add_up"},
			{Name: "zero_mallocs_over_a_million_events", Budget: Times{Native: 1_000_000}},
			{Name: "stack_buffer_stays_on_stack"},
		},
	},
	{
		Name: "Standard library", Packages: inReactor, On: everywhere,
		Behaviours: []Behaviour{
			{Name: "net_Conn_watched"},
			{Name: "os_File_pipe_watched", Except: socketsOnly},
			{Name: "std_reads_and_poll_watches_at_once"},
			{Name: "conn_from_net_and_back_keeps_data", Packages: inSockets, Except: noConversions},
			{Name: "ownership_after_conversion", Packages: inSockets, Except: noConversions},
			{Name: "closed_net_Conn_is_refused", Packages: inReactorAndSockets},
		},
	},
	{
		Name: "Windows", Packages: inReactor, On: onAFD,
		Behaviours: []Behaviour{
			{Name: "one_poll_in_flight_for_each_socket"},
			{Name: "interest_change_while_pending_cancels_and_resubmits"},
			{Name: "local_close_after_socket_reuse"},
			{Name: "slab_memory_not_moved_or_freed_while_kernel_owns_it"},
			{Name: "port_close_with_pending_polls"},
			{Name: "base_socket_of_a_layered_provider"},
			{Name: "edge_rearm_after_would_block_only_in_the_blocked_direction"},
			{Name: "udp_message_too_long", Packages: inSockets},
			{Name: "udp_port_unreachable", Packages: inSockets, Except: noPortUnreachable},
			{Name: "1_000_sockets", Budget: Times{Native: 1000}},
		},
	},
	{
		Name: "kqueue", Packages: inReactor, On: onKqueue,
		Behaviours: []Behaviour{
			{Name: "only_wanted_filters_added"},
			{Name: "ENOENT_on_delete_ignored"},
			{Name: "EPIPE_on_register_ignored"},
			{Name: "receipt_errors_reported_for_the_right_fd"},
			{Name: "user_event_set_up_once"},
			{Name: "eof_on_write_filter_after_own_shutdown"},
			{Name: "read_and_write_filters_give_two_events"},
			{Name: "refused_change_does_not_starve"},
		},
	},
}

var (
	inReactor           = []string{"reactor"}
	inReactorAndSockets = []string{"reactor", "sockets"}
	inReactorAndMsgq    = []string{"reactor", "msgq"}
	inTimers            = []string{"timers"}
	inTimersAndReactor  = []string{"timers", "reactor"}
	inSignals           = []string{"signals"}
	inSignalsAndReactor = []string{"signals", "reactor"}
	inSockets           = []string{"sockets"}
)

// One reason often holds for several rows.
var (
	socketsOnly = []Exception{{onAFD,
		"AFD polls sockets only: a pipe of the system is refused"}}
	pipeOfSockets = []Exception{{onAFD,
		"A sockets.Pipe is a pair of sockets there: a write, not an event, tells its writer that the reader has closed"}}
	secondPollIsRefused = []Exception{{onAFD,
		"AFD mixes the events of two polls on one socket: the second Poll is refused"}}
	noUnixSockets = []Exception{{[]Backend{Wine},
		"Wine 8.0 has no AF_UNIX"}}
	noReset = []Exception{{[]Backend{Wine},
		"Wine's server shuts a socket down before it closes it: with zero linger the peer finds an end, not a reset"}}
	noConversions = []Exception{{onAFD,
		"A Windows socket belongs to one completion port for life: conversions are errors.ErrUnsupported"}}
	noPortUnreachable = []Exception{{[]Backend{Wine},
		"Wine 8.0 does not report an unreachable port"}}
	noPriority = []Exception{{[]Backend{FreeBSD, KqueueSim},
		"FreeBSD's kqueue, which the simulation follows, has no filter for out-of-band data: Priority is errors.ErrUnsupported"}}
	noUnixSignals = []Exception{{onAFD,
		"Windows has no signals that interrupt: there is nothing to raise"}}
	noConsoleEvents = []Exception{{onUnix,
		"Console events are Windows' own; SIGINT is a signal like any other"}}
)

// find returns the row of a behaviour, or nil.
func find(name string) *Behaviour {
	for i := range Table {
		rows := Table[i].Behaviours
		for j := range rows {
			if rows[j].Name == name {
				return &rows[j]
			}
		}
	}
	return nil
}

// exception returns why the behaviour is not held on a backend, or "".
func (b *Behaviour) exception(on Backend) string {
	for _, e := range b.Except {
		for _, backend := range e.On {
			if backend == on {
				return e.Why
			}
		}
	}
	return ""
}

// packages returns the packages that test a behaviour.
func packages(g *Group, b *Behaviour) []string {
	if b.Packages != nil {
		return b.Packages
	}
	return g.Packages
}

// packagesOn returns the packages that must test a behaviour on a backend: all
// of them, but with the simulated kqueue only those that have other code for
// it. The rest is what the native run has tested already.
func packagesOn(g *Group, b *Behaviour, on Backend) []string {
	if !slices.Contains(g.On, on) {
		return nil
	}
	all := packages(g, b)
	if on != KqueueSim {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(pkg string) bool { return slices.Contains(sameCode, pkg) })
}

// sameCode are the packages without a file that the tag kqueue_sim chooses.
var sameCode = []string{"timers", "msgq", "signals", "sockets", "slab"}
