// Package kit makes dashboards that look alike: their variables, links, annotations and panels.
package kit

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"verbatim.dev/dashboards/contract"
)

// Tag is what links between the dashboards go by.
const Tag = "verbatim"

// Addresses of the dashboards, which alerts and links name.
const (
	FleetUID  = "verbatim-fleet"
	JobUID    = "verbatim-job"
	MemoryUID = "verbatim-memory"
)

// Row is a headline and what is below it.
type Row struct {
	Title  string
	Panels []interface {
		Builder() cog.Builder[dashboard.Panel]
	}
}

// Page is a dashboard.
type Page struct {
	UID         string
	Title       string
	Description string
	From        string
	Refresh     string
	Variables   []cog.Builder[dashboard.VariableModel]
	Annotations []cog.Builder[dashboard.AnnotationQuery]
	Rows        []Row
}

// Build makes it.
func (page Page) Build() (dashboard.Dashboard, error) {
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

// Variable is one whose values Prometheus knows: those that a label has in these series.
func Variable(name, title, what, selector, label string, all bool) cog.Builder[dashboard.VariableModel] {
	query := "label_values(" + selector + ", " + label + ")"
	builder := dashboard.NewQueryVariableBuilder(name).Label(title).Description(what).
		Datasource(Source()).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": name}}).
		Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalCaseInsensitiveAsc)
	if all {
		every := dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}}
		builder.Multi(true).IncludeAll(true).AllValue(".+").Current(dashboard.VariableOption{
			Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}, Value: every,
		})
	}
	return builder
}

// Recycles marks when engines were replaced, and why; where there may be a thousand workers, only who asks for it sees it.
func Recycles(shown bool, scope Scope, by ...string) cog.Builder[dashboard.AnnotationQuery] {
	selector := scope.Of(contract.EngineRecyclesTotal)
	text := "{{" + contract.LabelReason + "}}"
	for _, label := range by {
		text = "{{" + label + "}} " + text
	}
	expr := Since(selector, append([]string{contract.LabelReason}, by...)...)
	return dashboard.NewAnnotationQueryBuilder().
		Name("Recycles").Datasource(Source()).Enable(shown).IconColor("purple").
		Target(prometheus.NewDataqueryBuilder().RefId("Recycles").Expr(expr).Range()).
		Expr(expr).Step("1m").TitleFormat("Engine replaced").TextFormat(text).TagKeys(contract.LabelReason)
}

// Alerts marks when alerts of ours fired.
func Alerts() cog.Builder[dashboard.AnnotationQuery] {
	expr := `max by (alertname, severity) (ALERTS{alertname=~"Verbatim.+",alertstate="firing"})`
	return dashboard.NewAnnotationQueryBuilder().
		Name("Alerts").Datasource(Source()).Enable(true).IconColor("red").
		Target(prometheus.NewDataqueryBuilder().RefId("Alerts").Expr(expr).Range()).
		Expr(expr).Step("1m").TitleFormat("{{alertname}}").TextFormat("{{severity}}").TagKeys("alertname")
}
