package database

import (
	"net"
	"time"
)

// lostAfter is when a server that is gone without a word is found out, by a
// connection that waits for its answer and by one that is idle: four seconds
// after the last word of it. Otherwise the kernel repeats what was sent for a
// quarter of an hour, and whoever waits has no idea.
const lostAfter = 3 * time.Second

var postgresDialer = &net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: lostAfter - time.Second, Interval: time.Second, Count: 2},
	ControlContext:  giveUp,
}
