// Command genshapes writes shapes.go of package wire: what each request of kmsg consists of, field by field, read from
// the code with which kmsg decodes it. It stops at code that it does not know, so that a new kmsg cannot bring a field
// that is read but not counted.
//
//	kmsg's generated.go ─ parse ─► func (v *FetchRequest) readFrom ─ walk ─► fields with their versions ─► shapes.go
//
// Never: it runs as part of a build. It is run by go generate in package wire when kmsg changes, and its test fails
// when shapes.go is not what it would write.
//
// Files: main.go (finding the source, writing the table) · walk.go (from a decoder's statements to fields).
package main
