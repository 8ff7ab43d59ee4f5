package main

import (
	"bytes"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart is a picture of lines, both axes of which are logarithmic.
type chart struct {
	file, title, x, y string
	unit              func(float64) string // of y
	lines             []line
	limit             float64 // drawn across where it is above 0: the design's goal
	ticks             []int   // of x; nil: its decades
}

// A line is one of its lines.
type line struct {
	name   string
	points plotter.XYs
}

// add adds a point. What is not above 0 has no place on a logarithmic axis.
func (l *line) add(x, y float64) {
	if x > 0 && y > 0 {
		l.points = append(l.points, plotter.XY{X: x, Y: y})
	}
}

// from drops the points to the left of x.
func (l *line) from(x float64) {
	for len(l.points) > 1 && l.points[0].X < x {
		l.points = l.points[1:]
	}
}

// The colours can be told apart by most who cannot tell all colours apart
// (Okabe and Ito); lines differ in their marks as well.
var (
	colours = []color.RGBA{
		{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
		{230, 159, 0, 255}, {86, 180, 233, 255}, {60, 60, 60, 255}, {150, 110, 60, 255},
	}
	marks = []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{},
		draw.RingGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.PlusGlyph{},
	}
)

const (
	width, height = 780, 400
	legendWidth   = 255
)

// svg draws the chart. Its ground is white, so that it can be read on any page.
func (p *chart) svg() ([]byte, error) {
	drawn := plot.New()
	drawn.Title.Text, drawn.X.Label.Text, drawn.Y.Label.Text = p.title, p.x, p.y
	drawn.Title.Padding = vg.Points(8)
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(6)
	legend.TextStyle.Font.Size = vg.Points(9)
	drawn.Add(grid())
	low, high := math.Inf(1), 0.0
	for i, l := range p.lines {
		if len(l.points) == 0 {
			continue
		}
		stroke, dots, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return nil, err
		}
		stroke.Color, stroke.Width = colours[i%len(colours)], vg.Points(1.5)
		dots.Color, dots.Shape, dots.Radius = stroke.Color, marks[i%len(marks)], vg.Points(3)
		drawn.Add(stroke, dots)
		legend.Add(l.name, stroke, dots)
		for _, at := range l.points {
			low, high = min(low, at.Y), max(high, at.Y)
		}
	}
	if p.limit > 0 {
		across := plotter.NewFunction(func(float64) float64 { return p.limit })
		across.Color, across.Width, across.Dashes = color.RGBA{200, 0, 0, 255}, vg.Points(1), []vg.Length{vg.Points(4), vg.Points(3)}
		drawn.Add(across)
		legend.Add("at most "+p.unit(p.limit), across)
		low, high = min(low, p.limit), max(high, p.limit)
	}
	p.axes(drawn, low, high)
	canvas := vgsvg.New(vg.Points(width), vg.Points(height))
	all := draw.New(canvas)
	all.FillPolygon(color.White, []vg.Point{{}, {X: vg.Points(width)}, {X: vg.Points(width), Y: vg.Points(height)}, {Y: vg.Points(height)}})
	drawn.Draw(draw.Crop(all, vg.Points(8), -vg.Points(legendWidth), vg.Points(8), -vg.Points(8)))
	legend.Draw(draw.Crop(all, vg.Points(width-legendWidth+8), 0, 0, -vg.Points(44)))
	var b bytes.Buffer
	_, err := canvas.WriteTo(&b)
	// A page's reader seldom has the font that the text was measured with.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), err
}

// axes makes the axes logarithmic, from one round number to another.
func (p *chart) axes(drawn *plot.Plot, low, high float64) {
	drawn.Y.Scale, drawn.Y.Tick.Marker = plot.LogScale{}, decades{p.unit}
	drawn.Y.Min, drawn.Y.Max = roundDown(low), roundDown(high)
	for drawn.Y.Max < high || drawn.Y.Max <= drawn.Y.Min {
		drawn.Y.Max = roundDown(drawn.Y.Max * 2.6) // 1, 2, 5, 10
	}
	drawn.X.Scale, drawn.X.Tick.Marker = plot.LogScale{}, decades{plain}
	if p.ticks != nil {
		var ticks plot.ConstantTicks
		for _, at := range p.ticks {
			ticks = append(ticks, plot.Tick{Value: float64(at), Label: number(at)})
		}
		drawn.X.Tick.Marker = ticks
	}
	if drawn.X.Min >= drawn.X.Max { // a single point
		drawn.X.Max = 2 * drawn.X.Min
	}
}

// decades labels the ones of each decade, and twos and fives where there are few.
type decades struct{ label func(float64) string }

func (d decades) Ticks(low, high float64) (ticks []plot.Tick) {
	few := high/low < 500
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high*1.001; decade *= 10 {
		for n := range 9 {
			at, label := decade*float64(n+1), ""
			if at < low*0.999 || at > high*1.001 {
				continue
			}
			if n == 0 || few && (n == 1 || n == 4) {
				label = d.label(at)
			}
			ticks = append(ticks, plot.Tick{Value: at, Label: label})
		}
	}
	return ticks
}

// roundDown returns the next lower of 1, 2, 5, 10, 20, 50 and so on.
func roundDown(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{5, 2} {
		if v >= n*decade*0.999 {
			return n * decade
		}
	}
	return decade
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = color.Gray{225}, color.Gray{225}
	return g
}

func (p *chart) write(dir string) error {
	b, err := p.svg()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, p.file), b, 0o644)
}

func init() { plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"} }
