package broker

import (
	"errors"
	"net/url"
	"strings"
)

// shown is a URL, or several, without who connects: for logs and errors.
func shown(addresses string) string {
	var all []string
	for address := range strings.SplitSeq(addresses, ",") {
		address = strings.TrimSpace(address)
		if !strings.Contains(address, "://") {
			address = "nats://" + address
		}
		u, err := url.Parse(address)
		if err != nil {
			all = append(all, "a URL that can't be read")
			continue
		}
		all = append(all, u.Scheme+"://"+u.Host)
	}
	return strings.Join(all, ",")
}

// withoutURL is err without the URL that it complains of.
func withoutURL(err error) error {
	if bad, ok := errors.AsType[*url.Error](err); ok {
		return bad.Err
	}
	return err
}
