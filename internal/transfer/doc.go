// Package transfer makes a module's database equal to that of another process,
// row by row, whatever the two are: SQLite or PostgreSQL.
//
// Who owns the rows writes them to a stream; who is to own them reads it:
//
//	err := transfer.Write(ctx, db, w)        // there
//	c, err := transfer.Open(ctx, db)         // here: what is in db already
//	err = c.Read(ctx, r)                     // now db is equal, if nobody wrote there
//	err = c.Verify(ctx)                      // is it?
//
// A copy remembers the sum of each row, so that reading the stream a second
// time writes only what has changed since the first: the long copy is made
// while the owner works, and the short one while it pauses. Each row takes
// some hundred bytes of memory meanwhile.
//
// Nothing is lost in between: a stream that ends early, a table or a column
// that only one of the two has, and a sum that differs are errors, and the
// changes of Read are one transaction when they are few.
package transfer
