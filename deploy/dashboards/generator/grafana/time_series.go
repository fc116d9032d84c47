package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// DrawStyle is the shape of a time series.
type DrawStyle int

const (
	// Lines is the default.
	Lines DrawStyle = iota
	// StackedAreas add up to a whole.
	StackedAreas
	// StackedBars show rare events.
	StackedBars
)

// TimeSeries shows values over time.
type TimeSeries struct {
	Panel
	DrawStyle DrawStyle
	// ThresholdLines draws the thresholds as dashed lines.
	ThresholdLines bool
	Overrides      []Override
}

// Override styles the series whose legend matches a regular expression, such as a dashed red limit.
type Override struct {
	Legend string
	Colour string
	Dashed bool
}

// Builder returns Grafana's builder of the panel.
func (panel TimeSeries) Builder() cog.Builder[dashboard.Panel] {
	builder := timeseries.NewPanelBuilder().
		Title(panel.Title).Description(panel.Description).Unit(panel.Unit).
		Span(panel.Width).Height(panel.Height).Datasource(Datasource()).
		Thresholds(panel.thresholds()).NoValue(panel.noValue()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)).
		LineWidth(1.5).ShowPoints(common.VisibilityModeNever).
		Legend(panel.legend()).
		Tooltip(common.NewVizTooltipOptionsBuilder().
			Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	stacked := common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")
	switch panel.DrawStyle {
	case Lines:
		builder.FillOpacity(0)
	case StackedAreas:
		builder.FillOpacity(35).LineWidth(1).Stacking(stacked)
	case StackedBars:
		// A bar covers at least a minute, and bars do not overlap: no point counts twice.
		builder.DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).
			Interval("1m").MaxDataPoints(60).Decimals(0).Stacking(stacked)
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
	if panel.ThresholdLines {
		builder.ThresholdsStyle(
			common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	for _, override := range panel.Overrides {
		builder.OverrideByRegexp(override.Legend, override.properties())
	}
	for index, query := range panel.Queries {
		builder.WithTarget(prometheus.NewDataqueryBuilder().
			RefId(refID(index)).Expr(query.Expr).LegendFormat(query.Legend).Range())
	}
	return builder
}

// legend is a table on the right of wide panels, and a list with last values below narrow ones.
func (panel TimeSeries) legend() cog.Builder[common.VizLegendOptions] {
	builder := common.NewVizLegendOptionsBuilder().ShowLegend(true)
	if panel.Width >= 12 {
		return builder.DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).
			Calcs([]string{"lastNotNull", "max"})
	}
	return builder.DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).
		Calcs([]string{"lastNotNull"})
}

func (override Override) properties() []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{}
	if override.Colour != "" {
		properties = append(properties, dashboard.DynamicConfigValue{
			Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": override.Colour},
		})
	}
	if override.Dashed {
		dash := map[string]any{"fill": "dash", "dash": []int{8, 6}}
		unstacked := map[string]any{"mode": "none", "group": "A"}
		properties = append(properties,
			dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: dash},
			dashboard.DynamicConfigValue{Id: "custom.fillOpacity", Value: 0},
			dashboard.DynamicConfigValue{Id: "custom.stacking", Value: unstacked})
	}
	return properties
}
