package main

import (
	"fmt"
	"strings"
)

// markdown returns the tables; with pictures, as RESULTS.md has them.
func (r *results) markdown(pictures bool) string {
	var b strings.Builder
	r.head(&b)
	floor := r.find(theFloor)
	for _, p := range r.parts {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", title(p.name), p.about)
		b.WriteString("| | median | least | × floor | allocations | bytes |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
		for _, row := range p.rows {
			if row.leftOut != "" {
				fmt.Fprintf(&b, "| %s | left out: %s | | | | |\n", row.title(), row.leftOut)
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %d |\n", row.title(), row.unsteady()+duration(row.median()), duration(row.least()),
				digits(row.over(floor)), row.allocs, row.bytes)
		}
	}
	r.heldAgainst(&b)
	r.overHTTP(&b)
	if pictures {
		b.WriteString("\n## Pictures\n")
		for _, name := range pictureNames {
			if picture, ok := r.pictures()[name]; ok {
				fmt.Fprintf(&b, "\n![%s](%s)\n", picture.title, name)
			}
		}
	}
	return b.String()
}

// head says where the figures come from.
func (r *results) head(b *strings.Builder) {
	m := r.machine
	b.WriteString("# Results\n\n")
	if r.options.quick {
		b.WriteString("A quick run, whose figures mean nothing.\n\n")
	}
	fmt.Fprintf(b, "%s, %s with %d cores for Go, %s, %s.\n%s in turn, seed %d. [How to read this](README.md).\n\n",
		m.date, m.processor, m.cores, m.system, m.compiler, count(r.options.rounds, "round"), r.options.seed)
	for _, version := range m.versions {
		fmt.Fprintf(b, "- %s\n", version)
	}
}

// heldAgainst writes the ratios that a reader would otherwise work out.
func (r *results) heldAgainst(b *strings.Builder) {
	begun := false
	for _, p := range r.parts {
		for _, row := range p.rows {
			for _, name := range row.against {
				other := r.find(name)
				if row.leftOut != "" || other == nil || other.leftOut != "" {
					continue
				}
				if !begun {
					begun = true
					b.WriteString("\n## Held against each other\n\nHow many times as long a request takes: medians of the rounds' ratios, and least against least.\n\n" +
						"| | against | × | the other way | least |\n| --- | --- | ---: | ---: | ---: |\n")
				}
				fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", row.title(), name,
					digits(row.over(other)), digits(other.over(row)), digits(row.least()/other.least()))
			}
		}
	}
}

func (r *results) overHTTP(b *strings.Builder) {
	if len(r.served) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Over loopback HTTP\n\n%s that stay open; client and server share the cores. "+
		"The shares are of requests per second.\n\n", count(r.options.connections, "connection"))
	var bare, floor *row
	for _, row := range r.served {
		switch row.name {
		case bareRoute:
			bare = row
		case theFloor:
			floor = row
		}
	}
	b.WriteString("| | requests per second | time for one | of the floor's | of the bare route's |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, row := range r.served {
		share := ""
		if bare != nil {
			share = fmt.Sprintf("%.0f %%", 100*bare.over(row))
		}
		fmt.Fprintf(b, "| %s | %.0f | %s | %.0f %% | %s |\n", row.title(), 1e9/row.median(), duration(row.median()), 100*floor.over(row), share)
	}
}

// find returns the row of a contender, nil where it was not asked for.
func (r *results) find(name string) *row {
	for _, p := range r.parts {
		for _, row := range p.rows {
			if row.name == name {
				return row
			}
		}
	}
	return nil
}

// unsteady marks a median that is more than half above the least: somebody else
// was at work.
func (row *row) unsteady() string {
	if row.median() > 1.5*row.least() {
		return "~ "
	}
	return ""
}

// title is the row's name, which stands out where it is powgin's.
func (row *row) title() string {
	if row.kind == powgins {
		return "**" + row.name + "**"
	}
	return row.name
}

// title is what a part is called in a heading.
func title(part string) string {
	return map[string]string{
		"memory": "From memory", "read": "With a read of the user", "postgres": "With a read of the user, on PostgreSQL",
		"stores": "Stores", "writes": "Writes",
	}[part]
}

// duration returns nanoseconds as people write them, to three digits.
func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return digits(ns/1e3) + " µs"
	default:
		return digits(ns/1e6) + " ms"
	}
}

// digits returns a figure to three digits, or to the second behind the point.
func digits(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
