package kit

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Units of Grafana.
const (
	Seconds   = "s"
	Bytes     = "bytes"
	Percent   = "percentunit"
	Number    = "short"
	PerSecond = "ops"
	PerMinute = "cpm"
	Requests  = "reqps"
	When      = "dateTimeFromNow"
	Audio     = "s"
)

// Colours of Grafana that mean something.
const (
	Green  = "green"
	Yellow = "yellow"
	Orange = "orange"
	Red    = "red"
	Blue   = "blue"
	Grey   = "text"
)

// Query is one of a panel's.
type Query struct {
	Expr   string
	Legend string
}

// Step is a threshold: the colour from a value on.
type Step struct {
	From   float64
	Colour string
}

// Panel is what every panel has. Its width is in 24ths of the page.
type Panel struct {
	Title       string
	Description string
	Unit        string
	Width       uint32
	Height      uint32
	Queries     []Query
	// Base is the colour below the first step.
	Base  string
	Steps []Step
	// Min and Max bound the axis.
	Min, Max *float64
	Decimals *float64
	// Empty is said where there is no data.
	Empty string
}

// Source is the data source that the variable names.
func Source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

func (panel Panel) thresholds() cog.Builder[dashboard.ThresholdsConfig] {
	base := panel.Base
	if base == "" {
		base = Green
	}
	steps := []dashboard.Threshold{{Color: base}}
	for _, step := range panel.Steps {
		steps = append(steps, dashboard.Threshold{Value: cog.ToPtr(step.From), Color: step.Colour})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func reference(at int) string { return string(rune('A' + at)) }

func (panel Panel) empty() string {
	if panel.Empty == "" {
		return "no data"
	}
	return panel.Empty
}

// Stat is one number, and a small curve behind it.
type Stat struct {
	Panel
	// Plain shows no curve: for times, and for what has no history worth a look.
	Plain bool
	// Words stand for values, as `1` for `leads`.
	Words map[string]Word
}

// Word stands for a value.
type Word struct {
	Text   string
	Colour string
}

// Builder makes the panel.
func (panel Stat) Builder() cog.Builder[dashboard.Panel] {
	builder := stat.NewPanelBuilder().
		Title(panel.Title).Description(panel.Description).Unit(panel.Unit).
		Span(panel.Width).Height(panel.Height).Datasource(Source()).
		Thresholds(panel.thresholds()).NoValue(panel.empty()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		ColorMode(common.BigValueColorModeValue).
		TextMode(common.BigValueTextModeAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
	if panel.Plain {
		builder.GraphMode(common.BigValueGraphModeNone)
	} else {
		builder.GraphMode(common.BigValueGraphModeArea)
	}
	if panel.Decimals != nil {
		builder.Decimals(*panel.Decimals)
	}
	if len(panel.Words) > 0 {
		options := map[string]dashboard.ValueMappingResult{}
		for value, word := range panel.Words {
			options[value] = dashboard.ValueMappingResult{Text: cog.ToPtr(word.Text), Color: cog.ToPtr(word.Colour)}
		}
		mapping := dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}
		builder.Mappings([]dashboard.ValueMapping{{ValueMap: &mapping}})
	}
	if len(panel.Queries) > 1 {
		builder.TextMode(common.BigValueTextModeValueAndName)
	}
	for at, query := range panel.Queries {
		target := prometheus.NewDataqueryBuilder().RefId(reference(at)).Expr(query.Expr).LegendFormat(query.Legend)
		if panel.Plain {
			target.Instant()
		} else {
			target.Range()
		}
		builder.WithTarget(target)
	}
	return builder
}

// Draw is how values over time are drawn.
type Draw int

const (
	// Lines are what most panels have.
	Lines Draw = iota
	// Stacked areas add up to a whole.
	Stacked
	// Bars are for what happens now and then, one on the other.
	Bars
)

// Graph is values over time.
type Graph struct {
	Panel
	Draw Draw
	// Limits draws thresholds as dashed lines.
	Limits bool
	// Styles are by a pattern of legends: a limit that is dashed and red.
	Styles []Style
}

// Style is how series with such a legend are drawn.
type Style struct {
	Legend string
	Colour string
	Dashed bool
}

// Builder makes the panel.
func (panel Graph) Builder() cog.Builder[dashboard.Panel] {
	builder := timeseries.NewPanelBuilder().
		Title(panel.Title).Description(panel.Description).Unit(panel.Unit).
		Span(panel.Width).Height(panel.Height).Datasource(Source()).
		Thresholds(panel.thresholds()).NoValue(panel.empty()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)).
		LineWidth(1.5).ShowPoints(common.VisibilityModeNever).
		Legend(panel.legend()).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	switch panel.Draw {
	case Lines:
		builder.FillOpacity(0)
	case Stacked:
		builder.FillOpacity(35).LineWidth(1).
			Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	case Bars:
		// What a counter gained is of a minute at least, and bars side by side: no point counts twice.
		builder.DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).Interval("1m").MaxDataPoints(60).Decimals(0).
			Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	}
	if panel.Min != nil {
		builder.Min(*panel.Min)
	}
	if panel.Max != nil {
		builder.Max(*panel.Max)
	}
	if panel.Decimals != nil {
		builder.Decimals(*panel.Decimals)
	}
	if panel.Limits {
		builder.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	for _, style := range panel.Styles {
		builder.OverrideByRegexp(style.Legend, style.properties())
	}
	for at, query := range panel.Queries {
		builder.WithTarget(prometheus.NewDataqueryBuilder().
			RefId(reference(at)).Expr(query.Expr).LegendFormat(query.Legend).Range())
	}
	return builder
}

// legend is a table on the right where there is room, and names with their last values below the graph elsewhere.
func (panel Graph) legend() cog.Builder[common.VizLegendOptions] {
	builder := common.NewVizLegendOptionsBuilder().ShowLegend(true)
	if panel.Width >= 12 {
		return builder.DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).
			Calcs([]string{"lastNotNull", "max"})
	}
	return builder.DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).
		Calcs([]string{"lastNotNull"})
}

func (style Style) properties() []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{}
	if style.Colour != "" {
		properties = append(properties, dashboard.DynamicConfigValue{
			Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": style.Colour},
		})
	}
	if style.Dashed {
		properties = append(properties,
			dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 6}}},
			dashboard.DynamicConfigValue{Id: "custom.fillOpacity", Value: 0},
			dashboard.DynamicConfigValue{Id: "custom.stacking", Value: map[string]any{"mode": "none", "group": "A"}})
	}
	return properties
}
