package database

// Waiting is how many transactions wait for db's writer.
func Waiting(db DB) int { return len(db.(*sqlite).writer.queue) }
