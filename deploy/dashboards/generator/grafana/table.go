package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// Table shows the last values of several queries, one row for each set of labels.
type Table struct {
	Panel
	// Labels are the first columns, in order.
	Labels []Label
	// Columns hold the values.
	Columns []Column
	// SortBy is the title of a column, sorted in descending order.
	SortBy string
}

// Label is a column with the value of a label.
type Label struct {
	Name  string
	Title string
	// Link is the URL behind the value.
	Link, LinkTitle string
}

// Column is a column with the value of a query.
type Column struct {
	Title      string
	Expr       string
	Unit       string
	Thresholds []Threshold
	Decimals   int
}

// Builder returns Grafana's builder of the panel.
func (panel Table) Builder() cog.Builder[dashboard.Panel] {
	builder := table.NewPanelBuilder().
		Title(panel.Title).Description(panel.Description).Unit(Number).
		Span(panel.Width).Height(panel.Height).Datasource(Datasource()).NoValue(panel.noValue()).
		Thresholds(panel.thresholds()).
		CellHeight(common.TableCellHeightSm).
		SortBy([]cog.Builder[common.TableSortByFieldState]{
			common.NewTableSortByFieldStateBuilder().DisplayName(panel.SortBy).Desc(true),
		})
	order, titles, hidden := map[string]int{}, map[string]string{}, map[string]bool{"Time": true}
	for _, label := range panel.Labels {
		order[label.Name] = len(order)
		titles[label.Name] = label.Title
		if label.Link != "" {
			builder.OverrideByName(label.Title, []dashboard.DynamicConfigValue{{
				Id: "links", Value: []map[string]any{{"title": label.LinkTitle, "url": label.Link}},
			}})
		}
	}
	for index, column := range panel.Columns {
		value := "Value #" + refID(index)
		order[value] = len(order)
		titles[value] = column.Title
		builder.WithTarget(prometheus.NewDataqueryBuilder().
			RefId(refID(index)).Expr(column.Expr).Format(prometheus.PromQueryFormatTable).Instant())
		builder.OverrideByName(column.Title, column.properties())
	}
	builder.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
	builder.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": hidden, "indexByName": order, "renameByName": titles,
	}})
	return builder
}

func (column Column) properties() []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{
		{Id: "unit", Value: column.Unit},
		{Id: "decimals", Value: column.Decimals},
	}
	if len(column.Thresholds) == 0 {
		return properties
	}
	steps := []map[string]any{{"color": Grey, "value": nil}}
	for _, threshold := range column.Thresholds {
		steps = append(steps, map[string]any{"color": threshold.Colour, "value": threshold.From})
	}
	thresholds := map[string]any{"mode": "absolute", "steps": steps}
	return append(properties,
		dashboard.DynamicConfigValue{Id: "thresholds", Value: thresholds},
		dashboard.DynamicConfigValue{Id: "color", Value: map[string]any{"mode": "thresholds"}},
		dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}})
}
