package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Grafana's units.
const (
	Seconds   = "s"
	Bytes     = "bytes"
	Percent   = "percentunit"
	Number    = "short"
	PerSecond = "ops"
	Requests  = "reqps"
)

// Grafana's colours.
const (
	Green  = "green"
	Yellow = "yellow"
	Orange = "orange"
	Red    = "red"
	Blue   = "blue"
	Grey   = "text"
	Dim    = "#808080"
)

// Query is a PromQL expression with the legend of its series.
type Query struct {
	Expr   string
	Legend string
}

// Threshold sets the colour of values at or above From.
type Threshold struct {
	From   float64
	Colour string
}

// Panel holds the settings common to all panels. Width is in 24ths of the page.
type Panel struct {
	Title       string
	Description string
	Unit        string
	Width       uint32
	Height      uint32
	Queries     []Query
	// BaseColour applies below the first threshold.
	BaseColour string
	Thresholds []Threshold
	// Min and Max bound the axis.
	Min, Max *float64
	Decimals *float64
	// NoValue is the text shown without data.
	NoValue string
}

// Datasource refers to the dashboard's data source variable.
func Datasource() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

func (panel Panel) thresholds() cog.Builder[dashboard.ThresholdsConfig] {
	base := panel.BaseColour
	if base == "" {
		base = Green
	}
	thresholds := []dashboard.Threshold{{Color: base}}
	for _, threshold := range panel.Thresholds {
		thresholds = append(thresholds, dashboard.Threshold{
			Value: cog.ToPtr(threshold.From), Color: threshold.Colour,
		})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(thresholds)
}

func refID(index int) string { return string(rune('A' + index)) }

func (panel Panel) noValue() string {
	if panel.NoValue == "" {
		return "no data"
	}
	return panel.NoValue
}
