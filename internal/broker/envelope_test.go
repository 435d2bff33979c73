package broker

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sample() Envelope {
	return Envelope{
		ID: "0198f1c2-0000-7000-8000-000000000001", Source: "baskets", Type: "mallbots.baskets.v1.BasketCheckedOut",
		Key: "b1", Time: time.Date(2026, 11, 22, 1, 2, 3, 456000, time.UTC), Sequence: 7,
		CorrelationID: "c1", CausationID: "r1", Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

func sealed(e Envelope) Message {
	return Message{Subject: e.Subject(), ID: e.ID, Header: e.Headers()}
}

func TestEnvelopeThereAndBack(t *testing.T) {
	opened, err := sealed(sample()).Open()
	require.NoError(t, err)
	require.Equal(t, sample(), opened)
	rapid.Check(t, func(t *rapid.T) {
		e := sample()
		e.Key = rapid.StringN(1, 100, 500).Draw(t, "key")
		e.CorrelationID = rapid.StringN(1, 100, 500).Draw(t, "correlation")
		e.Sequence = rapid.Int64Min(1).Draw(t, "sequence")
		opened, err := sealed(e).Open()
		require.NoError(t, err)
		require.Equal(t, e, opened)
	})
}

func TestSubjectHoldsThePartition(t *testing.T) {
	e := sample()
	e.Key = ""
	require.Equal(t, "mallbots.baskets.v1.BasketCheckedOut.p05", e.Subject(), "2166136261 mod 32: it never changes")
}

func TestOpenTrustsNothing(t *testing.T) {
	for _, header := range []string{
		HeaderSpecVersion, HeaderID, HeaderSource, HeaderType, HeaderSubject, HeaderTime,
		HeaderPartitionKey, HeaderSequence, HeaderCorrelation, HeaderCausation,
	} {
		m := sealed(sample())
		delete(m.Header, header)
		_, err := m.Open()
		require.ErrorContains(t, err, header, "missing")
		for _, nonsense := range []string{"%", "%zz"} {
			m = sealed(sample())
			m.Header[header] = nonsense
			_, err = m.Open()
			require.ErrorContains(t, err, header, "nonsense")
		}
	}
	for name, forge := range map[string]func(m *Message){
		"ce-type":            func(m *Message) { m.Header[HeaderType] = "mallbots.stores.v1.ProductPriceChanged" },
		"ce-sequence":        func(m *Message) { m.Header[HeaderSequence] = "0" },
		"ce-datacontenttype": func(m *Message) { m.Header[HeaderContentType] = "application/json" },
		"Nats-Msg-Id":        func(m *Message) { m.ID = "another" },
		"subject":            func(m *Message) { m.Subject = "mallbots.baskets.v1.BasketCheckedOut.p01" },
		"ce-partitionkey":    func(m *Message) { m.Header[HeaderPartitionKey] = "b2" },
		"traceparent":        func(m *Message) { m.Header[HeaderTraceparent] = "%zz" },
		"longer than 512":    func(m *Message) { m.Header[HeaderCausation] = string(make([]byte, 600)) },
	} {
		m := sealed(sample())
		m.Header = maps.Clone(m.Header)
		forge(&m)
		_, err := m.Open()
		require.ErrorContains(t, err, name)
	}
}

func TestOpenReadsTheOlderContentType(t *testing.T) {
	m := sealed(sample())
	delete(m.Header, HeaderContentType)
	_, err := m.Open()
	require.NoError(t, err)
}
