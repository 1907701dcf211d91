// Package archtest holds the plan of the house as tests: which package may import which, what pure packages may not know, that every
// package says what it is for, and that the documents that can go stale have not.
//
// It has no code of its own; its tests read the sources of the whole module.
package archtest
