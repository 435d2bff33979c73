// Package mutants puts the defects of docs/traps.md back in, one at a time, and
// requires that a test notices. A guard that never failed proves nothing.
//
//	make sabotage
//
// A mutant is a piece of source and what stands in its place; the compiler reads
// it from an overlay, so no file is changed. That every mutant still finds its
// place is tested always, without the build tag sabotage.
//
// What takes more than a line to break is a switch of package sabotage instead.
package mutants
