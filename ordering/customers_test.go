package ordering_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLifeOfACustomer(t *testing.T) {
	m := start(t)
	r := m.Do(t, "POST", "/api/customers", object{"name": " Ada ", "smsNumber": "+44 1"})
	require.Equal(t, 200, r.Status, r.Text)
	id := r.Body["id"].(string)
	require.Equal(t, "ordering/"+id+"@1", r.Header.Get("Mallbots-Position"), "a new customer is published as enabled")
	path := "/api/customers/" + id
	customer := func() object { return m.OK(t, "GET", path, nil)["customer"].(object) }
	require.Equal(t, object{"id": id, "name": "Ada", "smsNumber": "+44 1", "enabled": true}, customer())

	require.Equal(t, object{}, m.OK(t, "PUT", path+"/rename", object{"name": "Ada King"}))
	require.Equal(t, object{}, m.OK(t, "PUT", path+"/change-sms", object{"smsNumber": "+44 2"}))
	require.Equal(t, object{}, m.OK(t, "PUT", path+"/disable", object{}))
	require.Contains(t, m.Refused(t, 409, "CUSTOMER_DISABLED", "PUT", path+"/disable", object{}), "DISABLED")
	require.Equal(t, object{"id": id, "name": "Ada King", "smsNumber": "+44 2", "enabled": false}, customer())
	require.Equal(t, object{}, m.OK(t, "PUT", path+"/enable", object{}))
	require.Contains(t, m.Refused(t, 409, "CUSTOMER_ENABLED", "PUT", path+"/enable", object{}), "ENABLED")
	require.Equal(t, true, customer()["enabled"])
	require.Equal(t, `"5"`, m.Do(t, "GET", path, nil).Header.Get("ETag"))

	m.Refused(t, 412, "VERSION_STALE", "PUT", path+"/rename", object{"name": "Ida"}, "If-Match", `"4"`)
	m.OK(t, "PUT", path+"/rename", object{"name": "Ida"}, "If-Match", `"5"`)
}

func TestACustomerNeedsANameAndANumber(t *testing.T) {
	m := start(t)
	path := "/api/customers/" + m.customer(t)
	long := strings.Repeat("é", 201)
	for _, c := range []struct {
		code string
		body object
	}{
		{"CUSTOMER_NAME_BLANK", object{"name": " \t", "smsNumber": "1"}},
		{"CUSTOMER_NAME_BLANK", object{"smsNumber": "1"}},
		{"CUSTOMER_NAME_TOO_LONG", object{"name": long, "smsNumber": "1"}},
		{"SMS_NUMBER_BLANK", object{"name": "Ada", "smsNumber": " "}},
		{"SMS_NUMBER_TOO_LONG", object{"name": "Ada", "smsNumber": long}},
	} {
		text := m.Refused(t, 400, c.code, "POST", "/api/customers", c.body)
		require.Contains(t, text, `"field"`, "it names the field")
	}
	m.Refused(t, 400, "CUSTOMER_NAME_BLANK", "PUT", path+"/rename", object{"name": ""})
	m.Refused(t, 400, "SMS_NUMBER_BLANK", "PUT", path+"/change-sms", object{"smsNumber": ""})
	require.Equal(t, 400, m.Do(t, "POST", "/api/customers", object{"name": "Ada", "smsNumber": "1", "admin": true}).Status, "an unknown field")
	require.Equal(t, 400, m.Do(t, "POST", "/api/customers", `{"name":`).Status)
}

func TestARequestThatIsSentAgainHasOneEffect(t *testing.T) {
	m := start(t)
	body := object{"name": "Ada", "smsNumber": "1"}
	first := m.OK(t, "POST", "/api/customers", body, "Idempotency-Key", "k1")
	require.Equal(t, first, m.OK(t, "POST", "/api/customers", body, "Idempotency-Key", "k1"))
	require.Equal(t, 422, m.Do(t, "POST", "/api/customers", object{"name": "Eve", "smsNumber": "1"}, "Idempotency-Key", "k1").Status)

	path := "/api/customers/" + first["id"].(string)
	m.OK(t, "PUT", path+"/disable", object{}, "Idempotency-Key", "k2")
	m.OK(t, "PUT", path+"/disable", object{}, "Idempotency-Key", "k2")
	m.Refused(t, 409, "CUSTOMER_DISABLED", "PUT", path+"/disable", object{}, "Idempotency-Key", "k3")
}

func TestAnOrderShowsTheCurrentNameOfItsCustomer(t *testing.T) {
	m := start(t)
	customer := m.customer(t)
	id := m.checkOut(t, customer)
	require.Equal(t, "Ada", m.order(t, id)["customerName"])
	m.OK(t, "PUT", "/api/customers/"+customer+"/rename", object{"name": "Ada King"})
	require.Equal(t, "Ada King", m.order(t, id)["customerName"])
	all := m.OK(t, "GET", "/api/ordering?customerId="+customer, nil)["orders"].([]any)
	require.Equal(t, "Ada King", all[0].(object)["customerName"])
}
