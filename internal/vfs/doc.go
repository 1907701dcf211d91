// Package vfs is the seam between Bobbin and the disk.
package vfs
