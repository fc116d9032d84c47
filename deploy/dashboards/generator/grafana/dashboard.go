// Package grafana builds dashboards with common variables, links, annotations and panels.
package grafana

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/promql"
)

// Tag marks the dashboards that link to each other.
const Tag = "verbatim"

// UIDs of the dashboards, as used in links and alerts.
const (
	FleetUID  = "verbatim-fleet"
	JobUID    = "verbatim-job"
	MemoryUID = "verbatim-memory"
)

// Panels are the contents of a row.
type Panels []interface {
	Builder() cog.Builder[dashboard.Panel]
}

// Row is a titled group of panels.
type Row struct {
	Title  string
	Panels Panels
}

// Dashboard is a page of rows. From is the start of its default time range.
type Dashboard struct {
	UID         string
	Title       string
	Description string
	From        string
	Refresh     string
	Variables   []cog.Builder[dashboard.VariableModel]
	Annotations []cog.Builder[dashboard.AnnotationQuery]
	Rows        []Row
}

// Build returns Grafana's model of the dashboard.
func (page Dashboard) Build() (dashboard.Dashboard, error) {
	builder := dashboard.NewDashboardBuilder(page.Title).
		Uid(page.UID).Description(page.Description).Tags([]string{Tag}).
		Time(page.From, "now").Refresh(page.Refresh).Timezone("browser").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Readonly().
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data Source").Type("prometheus").
			Current(dashboard.VariableOption{
				Text:  dashboard.StringOrArrayOfString{String: cog.ToPtr("default")},
				Value: dashboard.StringOrArrayOfString{String: cog.ToPtr("default")},
			})).
		Link(dashboard.NewDashboardLinkBuilder("Verbatim").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{Tag}).IncludeVars(true).KeepTime(true))
	for _, variable := range page.Variables {
		builder.WithVariable(variable)
	}
	for _, annotation := range page.Annotations {
		builder.Annotation(annotation)
	}
	for _, row := range page.Rows {
		builder.WithRow(dashboard.NewRowBuilder(row.Title))
		for _, panel := range row.Panels {
			builder.WithPanel(panel.Builder())
		}
	}
	return builder.Build()
}

// Variable offers the values of a label in the selected series. With multi, several or all can be chosen.
func Variable(
	name, title, description, selector, label string, multi bool,
) cog.Builder[dashboard.VariableModel] {
	query := "label_values(" + selector + ", " + label + ")"
	builder := dashboard.NewQueryVariableBuilder(name).Label(title).Description(description).
		Datasource(Datasource()).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": name}}).
		Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalCaseInsensitiveAsc)
	if multi {
		all := dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}}
		builder.Multi(true).IncludeAll(true).AllValue(".+").Current(dashboard.VariableOption{
			Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}, Value: all,
		})
	}
	return builder
}

// RecycleAnnotations marks engine replacements with their reasons. With up to a thousand workers
// they stay hidden until the reader enables them.
func RecycleAnnotations(
	enabled bool, scope promql.Scope, by ...string,
) cog.Builder[dashboard.AnnotationQuery] {
	selector := scope.Select(contract.EngineRecyclesTotal)
	text := "{{" + contract.LabelReason + "}}"
	for _, label := range by {
		text = "{{" + label + "}} " + text
	}
	expr := promql.RecentIncrease(selector, append([]string{contract.LabelReason}, by...)...)
	return dashboard.NewAnnotationQueryBuilder().
		Name("Recycles").Datasource(Datasource()).Enable(enabled).IconColor("purple").
		Target(prometheus.NewDataqueryBuilder().RefId("Recycles").Expr(expr).Range()).
		Expr(expr).Step("1m").TitleFormat("Engine replaced").TextFormat(text).TagKeys(contract.LabelReason)
}

// AlertAnnotations marks when Verbatim's alerts fired.
func AlertAnnotations() cog.Builder[dashboard.AnnotationQuery] {
	expr := `max by (alertname, severity) (ALERTS{alertname=~"Verbatim.+",alertstate="firing"})`
	return dashboard.NewAnnotationQueryBuilder().
		Name("Alerts").Datasource(Datasource()).Enable(true).IconColor("red").
		Target(prometheus.NewDataqueryBuilder().RefId("Alerts").Expr(expr).Range()).
		Expr(expr).Step("1m").TitleFormat("{{alertname}}").TextFormat("{{severity}}").TagKeys("alertname")
}
