// Package directory says on which partition a stream is.
package directory
