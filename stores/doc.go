// Package stores is the context of the merchants: who sells what, at which price.
//
// Its words. A store is a merchant's place in the mall; it participates or it
// does not, and only a participating store's products can be bought. A product
// is on the shelf of one store, under a SKU that is unique there, at a price in
// the mall's one currency, until it is removed. The catalog of a store is what
// is on its shelf. Products are added and priced whether the store participates
// or not.
//
// It speaks of stores (key: the store's id) with StoreCreated,
// StoreParticipationChanged and StoreRebranded, and of products (key: the
// product's id) with ProductAdded, ProductRebranded, ProductPriceChanged and
// ProductRemoved, each with the absolute state. It hears nobody.
//
// What it decides beyond the rules of the aggregates:
//
//   - The read model holds the unique SKU, in the transaction of the events: of
//     two products that are added with one SKU at the same time one is refused.
//   - A removed product has left the catalog, so reading it is not found, while
//     changing it is a conflict that says why.
//   - Lists are in the order of creation, which is the order of the ids.
package stores
