package ordering

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mallbots/internal/api"
	"mallbots/internal/database"
	"mallbots/internal/fault"
	"mallbots/internal/identity"
	"mallbots/ordering/internal/order"
	orderingv1 "mallbots/proto/mallbots/ordering/v1"
)

// errTime refuses a moment that no calendar has.
var errTime = fault.New(fault.Invalid, "TIME_INVALID", "the time must be between the years 1 and 9999")

// GetCustomer answers one customer.
func (m *module) GetCustomer(ctx context.Context, req *orderingv1.GetCustomerRequest) (*orderingv1.GetCustomerResponse, error) {
	c, err := m.customers.Load(ctx, m.db, req.GetId())
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, c.Version())
	return &orderingv1.GetCustomerResponse{Customer: &orderingv1.Customer{
		Id: c.ID(), Name: c.Name(), SmsNumber: c.SmsNumber(), Enabled: c.Enabled(),
	}}, nil
}

// GetOrder answers one order, as it is or as it was at a moment, that moment
// included. Before it was placed there is no such order.
func (m *module) GetOrder(ctx context.Context, req *orderingv1.GetOrderRequest) (*orderingv1.GetOrderResponse, error) {
	row, err := m.orderAt(ctx, req)
	if err != nil {
		return nil, err
	}
	api.SetETag(ctx, row.version)
	return &orderingv1.GetOrderResponse{Order: row.message()}, nil
}

func (m *module) orderAt(ctx context.Context, req *orderingv1.GetOrderRequest) (orderRow, error) {
	if req.GetAsOf() == nil {
		return m.order(ctx, m.db, req.GetId())
	}
	at, err := moment(req.GetAsOf(), "asOf")
	if err != nil {
		return orderRow{}, err
	}
	o, err := m.orders.LoadAt(ctx, m.db, req.GetId(), at)
	if err != nil {
		return orderRow{}, err
	}
	name, err := m.customerName(ctx, m.db, o.CustomerID())
	return orderState(o, name), err
}

// orderState is an order as its events tell it.
func orderState(o *order.Order, customerName string) orderRow {
	return orderRow{
		id: o.ID(), customerID: o.CustomerID(), customerName: customerName, paymentID: o.PaymentID(), currency: o.Currency(),
		total: o.Total(), itemCount: o.Units(), status: string(o.Status()), reason: o.Reason(),
		createdAt: database.Micros(o.CreatedAt()), updatedAt: database.Micros(o.UpdatedAt()), version: o.Version(),
		items: o.Items(),
	}
}

// ListOrders lists the orders that match every given filter, the oldest first
// unless the newest are wanted so. A customer sees their own.
func (m *module) ListOrders(ctx context.Context, req *orderingv1.ListOrdersRequest) (*orderingv1.ListOrdersResponse, error) {
	scope := "orders"
	only, limited := identity.OnlyCustomer(ctx)
	if limited {
		scope = "orders of " + only // a page token is for whom it was made
	}
	page, err := api.ParsePage(req, scope)
	if err != nil {
		return nil, err
	}
	few, err := fewOrders(ctx, m.db, req.GetStoreId())
	if err != nil {
		return nil, err
	}
	sql, args, err := listOrders(req, page, few, only, limited)
	if err != nil {
		return nil, err
	}
	rows, err := database.All(ctx, m.db, scanOrder, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	rows, next := api.Trim(page, rows, func(o orderRow) []string { return []string{strconv.FormatInt(o.createdAt, 10), o.id} })
	if err := addItems(ctx, m.db, rows); err != nil {
		return nil, err
	}
	res := &orderingv1.ListOrdersResponse{NextPageToken: next}
	for _, o := range rows {
		res.Orders = append(res.Orders, o.message())
	}
	return res, nil
}

// listOrders is the statement that selects a page of what req asks for, of one
// customer's orders if it is limited to them.
func listOrders(req *orderingv1.ListOrdersRequest, page api.Page, few bool, only string, limited bool) (sql string, args []any, err error) {
	var conditions []string
	where := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		conditions = append(conditions, condition)
	}
	if len(page.After) > 0 {
		created, err := strconv.ParseInt(page.Key(0), 10, 64)
		if err != nil {
			return "", nil, api.ErrPageToken.In("pageToken")
		}
		beyond := ">"
		if req.GetNewestFirst() {
			beyond = "<"
		}
		where("(o.created_at, o.id) "+beyond+" (?, ?)", created, page.Key(1))
	}
	if limited {
		where("o.customer_id = ?", only)
	}
	if req.GetCustomerId() != "" {
		where("o.customer_id = ?", req.GetCustomerId())
	}
	if few {
		where("o.id IN (SELECT i.order_id FROM order_items i WHERE i.store_id = ?)", req.GetStoreId())
	} else if req.GetStoreId() != "" {
		where("EXISTS (SELECT 1 FROM order_items i WHERE i.store_id = ? AND i.order_id = o.id)", req.GetStoreId())
	}
	if req.GetStatus() != orderingv1.OrderStatus_ORDER_STATUS_UNSPECIFIED {
		where("o.status = ?", strings.TrimPrefix(req.GetStatus().String(), statusPrefix))
	}
	if req.GetCreatedAfter() != nil {
		at, err := moment(req.GetCreatedAfter(), "createdAfter")
		if err != nil {
			return "", nil, err
		}
		where("o.created_at >= ?", database.Micros(at.Add(time.Microsecond-1)))
	}
	if req.GetCreatedBefore() != nil {
		at, err := moment(req.GetCreatedBefore(), "createdBefore")
		if err != nil {
			return "", nil, err
		}
		where("o.created_at < ?", database.Micros(at.Add(time.Microsecond-1)))
	}
	sql = selectOrders
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	args = append(args, page.Limit())
	created, direction := "o.created_at", ""
	if few {
		created += " + 0" // sort the few, and walk through no index of all
	}
	if req.GetNewestFirst() {
		direction = " DESC"
	}
	return sql + fmt.Sprintf(" ORDER BY %[1]s%[2]s, o.id%[2]s LIMIT $%[3]d", created, direction, len(args)), args, nil
}

// mostFew is how many lines of a store are few.
const mostFew = 5000

// fewOrders reports whether a store has so few orders that they are found by the
// store. The orders of a store with many are found on the way through all.
func fewOrders(ctx context.Context, q database.Querier, storeID string) (bool, error) {
	if storeID == "" {
		return false, nil
	}
	lines, err := database.One(ctx, q, database.Value[int64],
		`SELECT COUNT(*) FROM (SELECT 1 AS one FROM order_items WHERE store_id = $1 LIMIT $2) AS found`, storeID, int64(mostFew+1))
	if err != nil {
		return false, fmt.Errorf("count the lines of store %s: %w", storeID, err)
	}
	return lines <= mostFew, nil
}

// GetOrderHistory answers all that happened to an order, and who caused it.
func (m *module) GetOrderHistory(ctx context.Context, req *orderingv1.GetOrderHistoryRequest) (*orderingv1.GetOrderHistoryResponse, error) {
	history, err := m.orders.History(ctx, m.db, req.GetId())
	if err != nil {
		return nil, err
	}
	res := &orderingv1.GetOrderHistoryResponse{}
	for _, s := range history {
		e := &orderingv1.OrderEvent{
			Version: s.Version, Name: s.Name, OccurredAt: timestamppb.New(s.OccurredAt),
			Actor: s.Actor, CorrelationId: s.CorrelationID, CausationId: s.CausationID, Data: &structpb.Struct{},
		}
		if err := e.Data.UnmarshalJSON(s.Data); err != nil {
			return nil, fmt.Errorf("decode event %d of order %s: %w", s.Version, req.GetId(), err)
		}
		res.Events = append(res.Events, e)
	}
	api.SetETag(ctx, int64(len(history)))
	return res, nil
}

// statusPrefix is what the contract puts before each status.
const statusPrefix = "ORDER_STATUS_"

// message is the order as the API answers it.
func (o orderRow) message() *orderingv1.Order {
	return &orderingv1.Order{
		Id: o.id, CustomerId: o.customerID, CustomerName: o.customerName, PaymentId: o.paymentID,
		Items: itemMessages(o.currency, o.items), ItemCount: int32(o.itemCount), Total: money(o.currency, o.total),
		Status: orderingv1.OrderStatus(orderingv1.OrderStatus_value[statusPrefix+o.status]), Reason: o.reason,
		CreatedAt: timestamppb.New(database.Time(o.createdAt)), UpdatedAt: timestamppb.New(database.Time(o.updatedAt)),
		Version: o.version,
	}
}

func itemMessages(currency string, items []order.Item) []*orderingv1.OrderItem {
	messages := make([]*orderingv1.OrderItem, 0, len(items))
	for _, item := range items {
		messages = append(messages, &orderingv1.OrderItem{
			StoreId: item.StoreID, ProductId: item.ProductID, StoreName: item.StoreName, ProductName: item.ProductName,
			Price: money(currency, item.Price), Quantity: int32(item.Quantity),
		})
	}
	return messages
}

// moment is a time of the request.
func moment(t *timestamppb.Timestamp, field string) (time.Time, error) {
	if t.CheckValid() != nil {
		return time.Time{}, errTime.In(field)
	}
	return t.AsTime(), nil
}
