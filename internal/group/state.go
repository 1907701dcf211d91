package group

// Machine is the coordinator of the groups of one partition of __consumer_offsets. Its methods must not run at the same time.
type Machine struct {
	config Config
}

// New returns a machine that knows no groups.
func New(c Config) *Machine { return &Machine{config: c} }

// Need returns the most bytes that a Step with this event, at this time and before any other Step, may put into the log: as one record batch of
// format v2, not compressed. It is 0 when the step makes no records.
func (m *Machine) Need(now int64, ev Event) int { return 0 }

// Step takes one event in. Now is in milliseconds since 1970; it should not go back.
func (m *Machine) Step(now int64, ev Event) Effects { return Effects{} }

// Next returns the time at which the machine wants a Tick, in milliseconds since 1970, and whether it wants one.
func (m *Machine) Next() (at int64, ok bool) { return 0, false }

// Replay takes in a record that the log holds, in the order of the log; a nil value deletes the key. Keys of versions that this package does not know are skipped,
// as Kafka does; a key or a value that is damaged is an error, and changes nothing.
func (m *Machine) Replay(key, value []byte) error { return nil }

// Loaded ends the replay: the sessions of the members that are known start now.
func (m *Machine) Loaded(now int64) Effects { return Effects{} }

// Groups returns the number of groups.
func (m *Machine) Groups() int { return 0 }

// String shows the whole state in a few lines.
func (m *Machine) String() string { return "" }
