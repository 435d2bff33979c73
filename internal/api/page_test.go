package api_test

import (
	"encoding/base64"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"mallbots/internal/api"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

func TestAPageLeadsToTheNext(t *testing.T) {
	read := func(token string) ([]int, string) {
		page, err := api.ParsePage(&orderingv1.ListOrdersRequest{PageSize: 4, PageToken: token}, "orders")
		require.NoError(t, err)
		after, _ := strconv.Atoi(page.Key(0))
		var rows []int
		for n := after + 1; n <= 10 && len(rows) < page.Limit(); n++ {
			rows = append(rows, n)
		}
		return api.Trim(page, rows, func(n int) []string { return []string{strconv.Itoa(n)} })
	}
	var all []int
	rows, token := read("")
	for all = append(all, rows...); token != ""; all = append(all, rows...) {
		rows, token = read(token)
	}
	require.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, all)
}

func TestAPageIsNeverLargerThanAHundred(t *testing.T) {
	page, err := api.ParsePage(&orderingv1.ListOrdersRequest{}, "")
	require.NoError(t, err)
	require.Equal(t, api.DefaultPageSize, page.Size)
	for _, size := range []int32{-1, 101} {
		_, err := api.ParsePage(&orderingv1.ListOrdersRequest{PageSize: size}, "")
		require.ErrorIs(t, err, api.ErrPageSize)
	}
}

func TestATokenOfAnotherListIsRefused(t *testing.T) {
	page, err := api.ParsePage(&orderingv1.ListOrdersRequest{CustomerId: "ada"}, "orders")
	require.NoError(t, err)
	token := page.Next("7")

	_, err = api.ParsePage(&orderingv1.ListOrdersRequest{CustomerId: "ada", PageSize: 3, PageToken: token}, "orders")
	require.NoError(t, err, "the size may change on the way")
	for name, req := range map[string]*orderingv1.ListOrdersRequest{
		"another filter": {CustomerId: "bob", PageToken: token},
		"no base64":      {CustomerId: "ada", PageToken: "€"},
		"no JSON":        {CustomerId: "ada", PageToken: base64.RawURLEncoding.EncodeToString([]byte("{"))},
		"no keys":        {CustomerId: "ada", PageToken: base64.RawURLEncoding.EncodeToString([]byte(`["x"]`))},
		"a forged key":   {CustomerId: "ada", PageToken: page.Next("\x00")},
		"cut":            {CustomerId: "ada", PageToken: token[:len(token)-4]},
	} {
		_, err = api.ParsePage(req, "orders")
		require.ErrorIs(t, err, api.ErrPageToken, name)
	}
	_, err = api.ParsePage(&orderingv1.ListOrdersRequest{CustomerId: "ada", PageToken: token}, "another list")
	require.ErrorIs(t, err, api.ErrPageToken)
}
