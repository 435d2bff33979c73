package inbox

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	depotv1 "mallbots/proto/mallbots/depot/v1"
	storesv1 "mallbots/proto/mallbots/stores/v1"
)

func TestWhatIsUnderstood(t *testing.T) {
	list := &depotv1.ListShoppingListsResponse{ShoppingLists: []*depotv1.ShoppingList{
		{Status: depotv1.ShoppingListStatus_SHOPPING_LIST_STATUS_AVAILABLE},
	}}
	require.NoError(t, understood(list.ProtoReflect()))
	list.ShoppingLists[0].Status = 77
	err := understood(list.ProtoReflect())
	require.ErrorIs(t, err, errUnknownContent)
	require.ErrorContains(t, err, "mallbots.depot.v1.ShoppingList.status is 77, which has no name")

	with := func(number protowire.Number) error {
		data, err := proto.Marshal(&storesv1.ProductAdded{Name: "tea"})
		require.NoError(t, err)
		data = protowire.AppendVarint(protowire.AppendTag(data, number, protowire.VarintType), 1)
		var event storesv1.ProductAdded
		require.NoError(t, proto.Unmarshal(data, &event))
		return understood(event.ProtoReflect())
	}
	require.NoError(t, with(99), "an addition")
	require.NoError(t, with(2000))
	require.ErrorContains(t, with(1000), "field 1000 of mallbots.stores.v1.ProductAdded")
	require.ErrorIs(t, with(1999), errUnknownContent)
}

func TestUnknownContentIsParkedAndNeverGuessed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(b *bench) {
		b.start()
		newer := price("ada", 1)
		newer.Data = protowire.AppendVarint(protowire.AppendTag(newer.Data, 1000, protowire.VarintType), 1)
		b.acked(b.deliver(newer), b.deliver(price("ada", 2)), b.deliver(price("bob", 1)))
		b.applied("ada", 0)
		b.applied("bob", 1)
		letters := b.letters(CauseUnknown)
		require.Len(b.t, letters, 1)
		require.EqualValues(b.t, 1, letters[0].Held)
		require.ErrorIs(b.t, b.in.Retry(b.t.Context(), letters[0].ID), errUnknownContent)
	})
}
