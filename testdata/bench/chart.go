package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The pictures' files, in the order in which RESULTS.md shows them.
var pictureNames = []string{"requests.svg", "stores.svg", "loopback.svg"}

// A picture shows a bar for each row, the shortest on top.
type picture struct {
	title string
	rows  []*row
}

// pictures returns those that have something to show, by the names of their files.
func (r *results) pictures() map[string]picture {
	all := map[string]picture{
		"requests.svg": {title: "Who sends this request? Time for one, through Gin", rows: r.charted("memory", "read")},
		"stores.svg":   {title: "The same with PostgreSQL, and with sessions outside of the process", rows: r.charted("postgres", "stores")},
		"loopback.svg": {title: "Over loopback HTTP: time for one request", rows: r.served},
	}
	for name, p := range all {
		if len(p.rows) == 0 {
			delete(all, name)
		}
	}
	return all
}

// charted returns the rows of these parts that have a bar.
func (r *results) charted(parts ...string) (rows []*row) {
	for _, p := range r.parts {
		for _, row := range p.rows {
			if slices.Contains(parts, p.name) && row.chart && row.leftOut == "" {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// The background is opaque, so that a page may be light or dark.
var (
	paper  = color.RGBA{0xfc, 0xfc, 0xfa, 0xff}
	ink    = color.RGBA{0x24, 0x29, 0x2f, 0xff}
	faint  = color.RGBA{0xd8, 0xdb, 0xdf, 0xff}
	colors = map[kind]color.Color{
		others:  color.RGBA{0x8f, 0xa3, 0xb8, 0xff},
		floors:  color.RGBA{0xb9, 0xb4, 0xa6, 0xff},
		powgins: color.RGBA{0x1a, 0x7f, 0x5a, 0xff},
	}
)

// write draws the picture into a file.
func (p picture) write(file string) error {
	var drawn bytes.Buffer
	if _, err := p.draw().WriteTo(&drawn); err != nil {
		return err
	}
	// Few machines have this font.
	text := bytes.ReplaceAll(drawn.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	return os.WriteFile(file, text, 0o644)
}

func (p picture) draw() *vgsvg.Canvas {
	rows := slices.SortedFunc(slices.Values(p.rows), func(a, b *row) int { return cmp.Compare(b.median(), a.median()) })
	axes := plot.New()
	axes.BackgroundColor = nil // the whole picture has one
	sans := font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10}
	for _, style := range []*text.Style{
		&axes.Title.TextStyle, &axes.X.Label.TextStyle, &axes.X.Tick.Label,
	} {
		style.Font, style.Color = sans, ink
	}
	axes.Title.Text, axes.Title.TextStyle.Font.Size, axes.Title.Padding = p.title, 13, 8
	label := axes.X.Tick.Label
	label.XAlign, label.YAlign = text.XLeft, text.YCenter
	var widest vg.Length
	for _, row := range rows {
		widest = max(widest, label.Width(row.name))
	}
	axes.HideY()
	least, most := rows[len(rows)-1].median(), rows[0].median()
	axes.X.Width, axes.X.Tick.Width, axes.X.Tick.Length, axes.X.Padding = 0, 0, 0, 2
	axes.Add(bars{rows, label})
	axes.Y.Min, axes.Y.Max = -0.6, float64(len(rows))-0.4
	scale(&axes.X, least, most)
	canvas := vgsvg.New(760, vg.Length(70+19*len(rows)))
	page := draw.New(canvas)
	page.FillPolygon(paper, []vg.Point{page.Min, {X: page.Max.X, Y: page.Min.Y}, page.Max, {X: page.Min.X, Y: page.Max.Y}})
	// Another font than the one meant may be a fifth wider.
	axes.Draw(draw.Crop(page, margin+1.2*widest, -margin, 10, -10))
	return canvas
}

// scale makes the axis logarithmic where the bars span more than a decade.
func scale(axis *plot.Axis, least, most float64) {
	if most <= 10*least {
		axis.Min, axis.Max = 0, most*1.15
		axis.Tick.Marker = labelled(plot.DefaultTicks{})
		return
	}
	axis.Scale = plot.LogScale{}
	axis.Min = math.Pow(10, math.Floor(math.Log10(least)))
	axis.Max = most * math.Pow(most/axis.Min, 0.15)
	axis.Tick.Marker = plot.TickerFunc(func(lowest, highest float64) (ticks []plot.Tick) {
		for v := lowest; v <= highest; v *= 10 {
			ticks = append(ticks, plot.Tick{Value: v, Label: axisText(v)})
		}
		return ticks
	})
	axis.Label.Text = "logarithmic: each line is ten times the last"
}

// labelled has the ticks of a linear axis say what they stand for.
func labelled(ticker plot.Ticker) plot.Ticker {
	return plot.TickerFunc(func(lowest, highest float64) []plot.Tick {
		ticks := slices.DeleteFunc(ticker.Ticks(lowest, highest), plot.Tick.IsMinor)
		for i := range ticks {
			ticks[i].Label = axisText(ticks[i].Value)
		}
		return ticks
	})
}

// axisText returns nanoseconds without digits that are none.
func axisText(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.3g ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	default:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	}
}

const margin vg.Length = 12

// bars draw the rows, from the axis's least value: with a name at the picture's left
// edge, and what each comes to behind it.
type bars struct {
	rows  []*row
	label text.Style
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, tick := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.5}, x(tick.Value), c.Min.Y, x(tick.Value), c.Max.Y)
	}
	for i, row := range b.rows {
		from, to := x(p.X.Min), x(row.median())
		below, above := y(float64(i)-0.36), y(float64(i)+0.36)
		c.FillPolygon(colors[row.kind], []vg.Point{{X: from, Y: below}, {X: to, Y: below}, {X: to, Y: above}, {X: from, Y: above}})
		c.FillText(b.label, vg.Point{X: margin, Y: y(float64(i))}, row.name)
		c.FillText(b.label, vg.Point{X: to + 4, Y: y(float64(i))}, duration(row.median()))
	}
}
