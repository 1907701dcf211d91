package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// groupDescription is what `group describe` prints.
type groupDescription struct {
	Name        string           `json:"name"`
	State       string           `json:"state"`
	Assignor    string           `json:"assignor"`
	Coordinator int32            `json:"coordinator"`
	Lag         int64            `json:"lag"` // of all partitions of which it is known
	Partitions  []groupPartition `json:"partitions"`
	Members     []groupMember    `json:"members"`
}

type groupPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Current   *int64 `json:"current_offset"` // null when nothing was committed
	End       *int64 `json:"log_end_offset"` // null when it is not known
	Lag       *int64 `json:"lag"`
	Consumer  string `json:"consumer_id"`
	Host      string `json:"host"`
	Client    string `json:"client_id"`
}

type groupMember struct {
	Consumer   string `json:"consumer_id"`
	Instance   string `json:"instance_id,omitempty"`
	Host       string `json:"host"`
	Client     string `json:"client_id"`
	Partitions int    `json:"partitions"`
}

func (g groupDescription) name() string { return g.Name }

func (a *app) groupDescribe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe GROUP",
		Short: "Show a group's members, offsets and lag",
		Long: `Show a group's members and, for each partition that is assigned or has a committed offset, how far the group has read: the current offset is the next that
it reads after a start, and the lag is what is between that and the end.`,
		Example: "  bobbin group describe billing\n  bobbin group describe billing -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				g, err := c.Group(ctx, args[0])
				if err != nil {
					return err
				}
				d := describeGroup(g)
				return a.printOne(d, d.text)
			})
		},
	}
	return a.onCluster(cmd)
}

func describeGroup(g kafka.Group) groupDescription {
	d := groupDescription{
		Name: g.Name, State: g.State, Assignor: g.Protocol, Coordinator: g.Coordinator, Partitions: []groupPartition{}, Members: []groupMember{},
	}
	known := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	for _, p := range g.Partitions {
		n := groupPartition{Topic: p.Topic, Partition: p.Partition, Current: known(p.Committed), End: known(p.End), Lag: known(p.Lag)}
		if m := p.Member; m != nil {
			n.Consumer, n.Host, n.Client = m.ID, m.Host, m.ClientID
		}
		d.Lag += max(p.Lag, 0)
		d.Partitions = append(d.Partitions, n)
	}
	for _, m := range g.Members {
		d.Members = append(d.Members, groupMember{Consumer: m.ID, Instance: m.InstanceID, Host: m.Host, Client: m.ClientID, Partitions: len(m.Assigned)})
	}
	return d
}

func (d groupDescription) text(w io.Writer) {
	fmt.Fprintf(w, "group\t%s\nstate\t%s\nassignor\t%s\ncoordinator\t%d\nmembers\t%d\nlag\t%d\n", d.Name, d.State, orDash(d.Assignor), d.Coordinator, len(d.Members), d.Lag)
	number := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	fmt.Fprintln(w, "\nGROUP\tTOPIC\tPARTITION\tCURRENT-OFFSET\tLOG-END-OFFSET\tLAG\tCONSUMER-ID\tHOST\tCLIENT-ID")
	for _, p := range d.Partitions {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Name, p.Topic, p.Partition, number(p.Current), number(p.End), number(p.Lag),
			orDash(p.Consumer), orDash(p.Host), orDash(p.Client))
	}
	for _, m := range d.Members {
		if m.Partitions == 0 {
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t%s\t%s\t%s\n", d.Name, m.Consumer, orDash(m.Host), orDash(m.Client))
		}
	}
}
