package reactor

// An Event says that a registered descriptor is ready. It is a view of the
// record that the kernel filled, so that Wait copies nothing: its size and
// fields differ between systems, and its methods do not. The zero Event is for
// use as room in the slice that Wait fills.
//
// Each backend's event file declares the type and its two methods.
var _ interface {
	Token() Token // the token of the registration
	Ready() Ready // what the descriptor is ready for
} = Event{}
