package kit

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

// Column is of a table: a query's value under a name, with a unit.
type Column struct {
	Title  string
	Expr   string
	Unit   string
	Steps  []Step
	Digits int
}

// Table shows the last value of several queries, a row for each set of labels.
type Table struct {
	Panel
	// Labels that make a row, in order, and what they are called.
	Labels []Label
	// Columns of values.
	Columns []Column
	// SortBy is a column's title; the greatest comes first.
	SortBy string
}

// Label is one of a table's rows.
type Label struct {
	Name  string
	Title string
	// Link is a URL that the value leads to.
	Link, LinkTitle string
}

// Builder makes the panel.
func (panel Table) Builder() cog.Builder[dashboard.Panel] {
	builder := table.NewPanelBuilder().
		Title(panel.Title).Description(panel.Description).Unit(Number).
		Span(panel.Width).Height(panel.Height).Datasource(Source()).NoValue(panel.empty()).
		Thresholds(panel.thresholds()).
		CellHeight(common.TableCellHeightSm).
		SortBy([]cog.Builder[common.TableSortByFieldState]{
			common.NewTableSortByFieldStateBuilder().DisplayName(panel.SortBy).Desc(true),
		})
	order, names, hidden := map[string]int{}, map[string]string{}, map[string]bool{"Time": true}
	for _, label := range panel.Labels {
		order[label.Name] = len(order)
		names[label.Name] = label.Title
		if label.Link != "" {
			builder.OverrideByName(label.Title, []dashboard.DynamicConfigValue{{
				Id: "links", Value: []map[string]any{{"title": label.LinkTitle, "url": label.Link}},
			}})
		}
	}
	for at, column := range panel.Columns {
		value := "Value #" + reference(at)
		order[value] = len(order)
		names[value] = column.Title
		builder.WithTarget(prometheus.NewDataqueryBuilder().
			RefId(reference(at)).Expr(column.Expr).Format(prometheus.PromQueryFormatTable).Instant())
		builder.OverrideByName(column.Title, column.properties())
	}
	builder.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
	builder.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": hidden, "indexByName": order, "renameByName": names,
	}})
	return builder
}

func (column Column) properties() []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{
		{Id: "unit", Value: column.Unit},
		{Id: "decimals", Value: column.Digits},
	}
	if len(column.Steps) == 0 {
		return properties
	}
	steps := []map[string]any{{"color": Grey, "value": nil}}
	for _, step := range column.Steps {
		steps = append(steps, map[string]any{"color": step.Colour, "value": step.From})
	}
	return append(properties,
		dashboard.DynamicConfigValue{Id: "thresholds", Value: map[string]any{"mode": "absolute", "steps": steps}},
		dashboard.DynamicConfigValue{Id: "color", Value: map[string]any{"mode": "thresholds"}},
		dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}})
}
