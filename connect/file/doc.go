// Package file reads rows of time-series data from CSV and NDJSON files.
//
// Nouns: a Reader reads a file a Row at a time; a Row has a time, the stream to which it belongs, and Values; a Value is one named number or text. Columns are the fields of
// a CSV file, which its first line names, and the members of an object in NDJSON, where those of an object within it have dotted names such as position.lat.
//
//	wide   time,speed,gear,driver               a row has every column but those of time and stream
//	       17:00:01,200.5,3,Ada                 ► speed=200.5  gear=3  driver="Ada"
//	long   {"name":"speed","value":200.5,…}     Parameter and Value are given: a row has one value, the column Parameter says which. Other columns are left out
//	                                            ► speed=200.5
//
//	bytes ─ lines ─► csv or ndjson ─► cells ─► time, stream, values ─► Row
//
// What a value is, is decided for each by itself, since columns of one kind in one file often have a word among the numbers:
//
//	CSV      a decimal number, also with spaces around it, or nan, inf, infinity in any case ► number (a float64: integers above 2⁵³ are rounded)
//	         nothing, or spaces only                                                         ► no value
//	         anything else, true and false too                                               ► text
//	NDJSON   number ► number    text, true, false ► text    null, "" ► no value    object ► its members, with dotted names    array ► an error
//
// Promise: a bad line, or a bad value, is a LineError with its number, and reading goes on behind it: no line is lost with it, also when a quotation mark has no end. Line, record and
// nesting are bounded (1 MiB, 1 MiB, 32), and so is memory, whatever the file holds. Times are exact to the nanosecond, since they are never made floats.
//
// Never: it opens no file, guesses no column, changes no order and drops no row without an error.
//
// Files: file.go (Options, Open, Reader, Row) · lines.go (bounded lines, which can be read again) · csv.go · ndjson.go · value.go (what is a number) · times.go (time formats) · errors.go.
//
// Locks: none. A Reader belongs to one goroutine.
package file
