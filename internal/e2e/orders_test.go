package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

var orderScenarios = []scenario{
	{"the life of an order", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 1250, 10)
		s.customer("ada")
		s.bot("r2")
		s.checkedOut("basket", "ada", "3 oolong")
		s.status("$basket", "APPROVED")
		s.listed("$basket", "AVAILABLE")
		s.stocked("$oolong", 7, 3, 0)
		s.refused("409 ORDER_STATE", "PUT /api/ordering/$basket/complete", `{"invoiceId":"i-1"}`)
		s.do("PUT /api/depot/shopping/$basket/assign", `{"botId":"$r2"}`)
		s.do("PUT /api/depot/shopping/$basket/complete", "")
		s.status("$basket", "READY")
		s.stocked("$oolong", 7, 0, 3)
		s.do("PUT /api/ordering/$basket/complete", `{"invoiceId":"i-1"}`)
		s.settled("$basket", "COMPLETED")
		s.listed("$basket", "COMPLETED")
		s.inBasket("$basket")
	}},
	{"an order across stores", func(s *story) {
		s.store("teas", "Teas")
		s.store("cups", "Cups & Co")
		s.product("green", "teas", 500, 100)
		s.product("black", "teas", 450, 100)
		s.product("mug", "cups", 1999, 100)
		s.customer("ada")
		s.checkedOut("basket", "ada", "2 green", "1 mug", "5 black")
		s.settled("$basket", "APPROVED")
		s.listed("$basket", "AVAILABLE")
		s.stocked("$green", 98, 2, 0)
		s.stocked("$mug", 99, 1, 0)
		s.stocked("$black", 95, 5, 0)
	}},
	{"an order that the depot cannot fill", func(s *story) {
		s.store("teas", "Teas")
		s.product("plenty", "teas", 100, 50)
		s.product("scarce", "teas", 100, 2)
		s.customer("ada")
		s.checkedOut("basket", "ada", "10 plenty", "3 scarce")
		s.settled("$basket", "REJECTED")
		s.stocked("$plenty", 50, 0, 0)
		s.stocked("$scarce", 2, 0, 0)
		s.refused("404 SHOPPING_LIST_NOT_FOUND", "GET /api/depot/shopping/$basket", "")
		s.refused("409 ORDER_STATE", "DELETE /api/ordering/$basket", "")
	}},
	{"customers who are unknown or disabled", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 50)
		s.ids["nobody"] = "01920000-0000-7000-8000-000000000000"
		s.checkedOut("stray", "nobody", "1 oolong")
		s.settled("$stray", "REJECTED")
		s.customer("ada")
		s.filled("basket", "ada", "1 oolong")
		s.do("PUT /api/customers/$ada/disable", "")
		s.refused("409 CUSTOMER_DISABLED", "POST /api/baskets", `{"customerId":"$ada"}`)
		s.refused("409 CUSTOMER_DISABLED", "PUT /api/customers/$ada/disable", "")
		s.do("PUT /api/baskets/$basket/checkout", `{"paymentId":"p-1"}`)
		s.settled("$basket", "REJECTED")
		s.do("PUT /api/customers/$ada/enable", "")
		s.checkedOut("second", "ada", "2 oolong")
		s.settled("$second", "APPROVED")
		s.stocked("$oolong", 48, 2, 0)
	}},
	{"cancelling at every stage", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 50)
		s.customer("ada")
		s.bot("r2")
		s.filled("open", "ada", "1 oolong")
		s.do("DELETE /api/baskets/$open", "")
		s.inBasket("$open")
		s.refused("409 BASKET_NOT_OPEN", "PUT /api/baskets/$open/checkout", `{"paymentId":"p-1"}`)

		s.checkedOut("approved", "ada", "4 oolong")
		s.status("$approved", "APPROVED")
		s.do("DELETE /api/ordering/$approved", "")
		s.settled("$approved", "CANCELED")
		s.listed("$approved", "CANCELED")

		s.checkedOut("assigned", "ada", "5 oolong")
		s.status("$assigned", "APPROVED")
		s.do("PUT /api/depot/shopping/$assigned/assign", `{"botId":"$r2"}`)
		s.do("DELETE /api/ordering/$assigned", "")
		s.settled("$assigned", "CANCELED")
		s.listed("$assigned", "CANCELED")

		s.checkedOut("refused", "ada", "6 oolong") // by the depot's staff
		s.status("$refused", "APPROVED")
		s.do("DELETE /api/depot/shopping/$refused?reason=broken", "")
		s.settled("$refused", "CANCELED")
		s.stocked("$oolong", 50, 0, 0)

		s.checkedOut("ready", "ada", "7 oolong")
		s.status("$ready", "APPROVED")
		s.do("PUT /api/depot/shopping/$ready/assign", `{"botId":"$r2"}`) // the list that was cancelled has freed it
		s.do("PUT /api/depot/shopping/$ready/complete", "")
		s.status("$ready", "READY")
		s.refused("409 ORDER_STATE", "DELETE /api/ordering/$ready", "")
		s.settled("$ready", "READY")
		s.stocked("$oolong", 43, 0, 7)
	}},
	{"cancelling before the depot has answered", func(s *story) {
		s.store("teas", "Teas")
		s.product("oolong", "teas", 100, 50)
		s.customer("ada")
		s.checkedOut("basket", "ada", "9 oolong")
		s.do("DELETE /api/ordering/$basket", "")
		o := s.status("$basket", "CANCELED")
		s.fact("order $basket: %s, %s", short(o.Status), o.Total) // approved in between, or not: both are right
		s.stocked("$oolong", 50, 0, 0)
	}},
	{"the last units, and many who want them", func(s *story) {
		s.store("teas", "Teas")
		s.product("last", "teas", 100, 3)
		s.bot("r2")
		const people = 8
		var buyers sync.WaitGroup
		for n := range people {
			s.customer(fmt.Sprint("customer", n))
			s.filled(fmt.Sprint("basket", n), fmt.Sprint("customer", n), "1 last")
		}
		answers := make([]string, people)
		for n := range people {
			r := s.request(fmt.Sprintf("PUT /api/baskets/$basket%d/checkout", n), `{"paymentId":"p"}`)
			buyers.Go(func() {
				a, err := s.mall.send(s.Context(), r, "")
				answers[n] = fmt.Sprint(a, err)
				s.learn(a.position)
			})
		}
		buyers.Wait()
		s.fact("answers: %s", strings.Join(slices.Compact(answers), ", "))
		outcomes := map[string]int{}
		for n := range people {
			var answer struct{ Order order }
			s.eventually(&answer, fmt.Sprintf("GET /api/ordering/$basket%d", n), func() bool { return short(answer.Order.Status) != "PENDING" })
			outcomes[short(answer.Order.Status)+" "+answer.Order.Reason]++
		}
		s.fact("orders: %v", normalised(outcomes))
		require.Equal(s, 3, outcomes["APPROVED "])
	}},
}

// normalised is a count by a text, with ids left out.
func normalised(counts map[string]int) map[string]int {
	all := map[string]int{}
	for text, n := range counts {
		all[uuids.ReplaceAllString(text, "ID")] += n
	}
	return all
}
