package broker

import "context"

// State is where a stream stands.
type State struct {
	Epoch    string // of this life of the stream, see Stream.Epoch
	First    uint64 // the sequence of the oldest message, or where the next will be
	Last     uint64 // the sequence of the newest message that was ever stored
	Messages uint64 // how many are stored; fewer than from First to Last when some are lost
	Owner    Owner  // whose stream it is
}

// State asks the server where the stream stands. It is ErrNoStream when there
// is none; unlike Ensure it creates nothing.
func (s *Stream) State(ctx context.Context) (State, error) {
	ctx, release := s.broker.within(ctx)
	defer release()
	stream, err := s.broker.js().Stream(ctx, s.name)
	if err != nil {
		return State{}, s.failed("state", why(ctx, err))
	}
	info := stream.CachedInfo()
	return State{
		Epoch: info.Config.Metadata[epoch], First: info.State.FirstSeq, Last: info.State.LastSeq, Messages: info.State.Msgs,
		Owner: owner(info.Config.Metadata),
	}, nil
}
