// Package catalog knows the topics of a broker, their ids and settings, and the counters that belong to all of them.
package catalog
