package broker

import (
	"context"
	"fmt"
	"maps"
	"strings"
)

// The names under which a stream's metadata holds whose it is.
const (
	ownerDatabase = "mallbots.database"
	ownerWhere    = "mallbots.database.where"
)

// Owner is the database whose events a stream carries. A module that was
// started a second time, with another database, finds somebody else's here.
type Owner struct {
	Database string // its identity, which it keeps wherever it is moved to
	Where    string // where it was when it last said so, for people
}

func owner(metadata map[string]string) Owner {
	return Owner{metadata[ownerDatabase], metadata[ownerWhere]}
}

// Owner is whose stream it is, as the last Ensure or Own found. It is zero when
// nobody has said so yet.
func (s *Stream) Owner() Owner {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner
}

// Own writes into the stream's metadata whose it is. It asks nobody; whoever
// calls it has looked at Owner.
func (s *Stream) Own(ctx context.Context, by Owner) error {
	ctx, release := s.broker.within(ctx)
	defer release()
	stream, err := s.broker.js().Stream(ctx, s.name)
	if err != nil {
		return s.failed("own", why(ctx, err))
	}
	config := stream.CachedInfo().Config
	config.Metadata = own(config.Metadata, by)
	if _, err := s.broker.js().UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("broker: stream %s: note that it belongs to %s: %w", s.name, by.Where, why(ctx, err))
	}
	s.mu.Lock()
	s.owner = by
	s.mu.Unlock()
	return nil
}

// own is metadata with another owner, and without what the server adds.
func own(metadata map[string]string, by Owner) map[string]string {
	all := maps.Clone(metadata)
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, serverMetadata) })
	all[ownerDatabase], all[ownerWhere] = by.Database, by.Where
	return all
}

// serverMetadata is what names of the server's own begin with.
const serverMetadata = "_nats."
