package broker

import (
	"slices"
	"strings"
)

// Onlooker is the user of operators: it reads every stream and changes nothing.
const Onlooker = "operator"

// Rights are what one user may do on a NATS server: the subjects that it may
// publish to, requests to JetStream among them, and those that it may hear. All
// else is refused; but where an answer is sent to, servers do not check (ADR 0020).
type Rights struct {
	User      string
	Publish   []string
	Subscribe []string
}

// Durable is what a module's consumer of a source's stream is called.
func Durable(module, source string) string { return module + "_" + source }

// ModuleRights are those of a module: to publish its own events, named by their
// full names, to look after its own stream, and to consume the streams of its
// sources with consumers of its own.
func ModuleRights(module string, events, sources []string) Rights {
	r := inbox(module)
	for _, event := range slices.Sorted(slices.Values(events)) {
		r.Publish = append(r.Publish, event+".*") // the partition
	}
	own := streamName(module)
	r.request("STREAM.INFO", own)
	r.request("STREAM.CREATE", own)
	r.request("STREAM.UPDATE", own)
	r.request("STREAM.MSG.GET", own)
	for _, source := range slices.Sorted(slices.Values(sources)) {
		stream, durable := streamName(source), Durable(module, source)
		r.request("STREAM.INFO", stream)
		r.request("STREAM.MSG.GET", stream)
		for _, verb := range []string{"CREATE", "INFO", "DELETE", "MSG.NEXT"} {
			r.request("CONSUMER."+verb, stream, durable)
		}
		r.request("CONSUMER.CREATE", stream, durable, ">") // the subjects that it filters
		shared := sharedSubjects(durable, "*")             // what processes of the module deal out among themselves
		r.Subscribe = append(r.Subscribe, shared)
		r.Publish = append(r.Publish, shared,
			"$JS.ACK."+stream+"."+durable+".>",
			"$JS.ACK.*.*."+stream+"."+durable+".>") // with domain and account, as servers will write it
	}
	return r
}

// OnlookerRights are those of operators, who follow the streams of modules.
func OnlookerRights(modules []string) Rights {
	r := inbox(Onlooker)
	for _, module := range modules {
		r.request("STREAM.INFO", streamName(module))
		r.request("STREAM.MSG.GET", streamName(module))
		r.request("CONSUMER.INFO", streamName(module), "*")
	}
	return r
}

// inbox are the rights to hear the answers to one's own requests.
func inbox(user string) Rights {
	return Rights{User: user, Subscribe: []string{inboxPrefix(user) + ".>"}}
}

// request adds the right to a request to JetStream.
func (r *Rights) request(verb string, about ...string) {
	r.Publish = append(r.Publish, "$JS.API."+verb+"."+strings.Join(about, "."))
}

// inboxPrefix is what the subjects of the answers to a user's requests begin
// with. Another user cannot hear them.
func inboxPrefix(user string) string {
	if user == "" || strings.ContainsAny(user, ".*> \t\r\n") {
		return "_INBOX"
	}
	return "_INBOX." + user
}
