package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
)

// Stat shows the last value as a number, with a sparkline behind it.
type Stat struct {
	Panel
	// NoSparkline is for times and other values without a meaningful history.
	NoSparkline bool
	// Mappings replace values by texts, such as `1` by `yes`.
	Mappings map[string]Mapping
}

// Mapping is the text and colour shown for a value.
type Mapping struct {
	Text   string
	Colour string
}

// Builder returns Grafana's builder of the panel.
func (panel Stat) Builder() cog.Builder[dashboard.Panel] {
	builder := stat.NewPanelBuilder().
		Title(panel.Title).Description(panel.Description).Unit(panel.Unit).
		Span(panel.Width).Height(panel.Height).Datasource(Datasource()).
		Thresholds(panel.thresholds()).NoValue(panel.noValue()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		ColorMode(common.BigValueColorModeValue).
		TextMode(common.BigValueTextModeAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
	if panel.NoSparkline {
		builder.GraphMode(common.BigValueGraphModeNone)
	} else {
		builder.GraphMode(common.BigValueGraphModeArea)
	}
	if panel.Decimals != nil {
		builder.Decimals(*panel.Decimals)
	}
	if len(panel.Mappings) > 0 {
		options := map[string]dashboard.ValueMappingResult{}
		for value, mapping := range panel.Mappings {
			options[value] = dashboard.ValueMappingResult{
				Text: cog.ToPtr(mapping.Text), Color: cog.ToPtr(mapping.Colour),
			}
		}
		mapping := dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}
		builder.Mappings([]dashboard.ValueMapping{{ValueMap: &mapping}})
	}
	if len(panel.Queries) > 1 {
		builder.TextMode(common.BigValueTextModeValueAndName)
	}
	for index, query := range panel.Queries {
		target := prometheus.NewDataqueryBuilder().RefId(refID(index)).Expr(query.Expr).LegendFormat(query.Legend)
		if panel.NoSparkline {
			target.Instant()
		} else {
			target.Range()
		}
		builder.WithTarget(target)
	}
	return builder
}
