// Package promql builds the query text of panels.
package promql

import (
	"fmt"
	"strings"

	"verbatim.dev/dashboards/contract"
)

// Labels that deploy/prometheus/scrape.yaml adds to worker metrics.
const (
	Namespace = "namespace"
	Job       = "verbatim_job"
	Pod       = "pod"
)

// Scope holds the label matchers that come from dashboard variables.
type Scope string

const (
	// Jobs selects the operator's metrics about the chosen jobs.
	Jobs Scope = contract.LabelNamespace + `=~"$namespace",` + contract.LabelJob + `=~"$verbatim_job"`
	// Workers selects the metrics of all workers of the chosen jobs.
	Workers Scope = Namespace + `=~"$namespace",` + Job + `=~"$verbatim_job"`
	// ChosenWorkers selects the metrics of the chosen workers.
	ChosenWorkers Scope = Workers + `,` + Pod + `=~"$worker"`
	// Unscoped selects metrics that belong to no job.
	Unscoped Scope = ""
)

// Select returns a metric's selector with further matchers, such as `reason="Crash"`.
func (scope Scope) Select(metric string, matchers ...string) string {
	if scope != "" {
		matchers = append([]string{string(scope)}, matchers...)
	}
	if len(matchers) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(matchers, ",") + "}"
}

// Equal matches a label's value exactly.
func Equal(label, value string) string { return fmt.Sprintf("%s=%q", label, value) }

// Regexp matches a label's value by a regular expression.
func Regexp(label, pattern string) string { return fmt.Sprintf("%s=~%q", label, pattern) }

// Rate is a counter's increase per second.
func Rate(selector string) string { return "rate(" + selector + "[$__rate_interval])" }

// Increase is a counter's increase within one point of the graph.
func Increase(selector string) string { return "increase(" + selector + "[$__rate_interval])" }

// Sum adds series, grouped by labels.
func Sum(query string, by ...string) string { return aggregate("sum", query, by) }

// Max takes the largest series, grouped by labels.
func Max(query string, by ...string) string { return aggregate("max", query, by) }

// Min takes the smallest series, grouped by labels.
func Min(query string, by ...string) string { return aggregate("min", query, by) }

// Count counts series, grouped by labels.
func Count(query string, by ...string) string { return aggregate("count", query, by) }

func aggregate(operator, query string, by []string) string {
	if len(by) == 0 {
		return operator + "(" + query + ")"
	}
	return operator + " by (" + strings.Join(by, ", ") + ") (" + query + ")"
}

// TopK keeps the largest series at each moment, so that a thousand workers do not draw a thousand lines.
func TopK(count int, query string) string { return fmt.Sprintf("topk(%d, %s)", count, query) }

// Quantile is taken over series, such as over all workers.
func Quantile(quantile float64, query string) string {
	return fmt.Sprintf("quantile(%g, %s)", quantile, query)
}

// HistogramQuantile is taken of a histogram, over the time of one point.
func HistogramQuantile(quantile float64, metric string, scope Scope, by ...string) string {
	by = append([]string{"le"}, by...)
	return fmt.Sprintf("histogram_quantile(%g, %s)", quantile, Sum(Rate(scope.Select(metric+"_bucket")), by...))
}

// Ratio divides a part by its whole. It has no data where the whole is 0.
func Ratio(part, whole string) string { return part + " / (" + whole + " > 0)" }

// OrZero is 0 where the whole has data and the part has none: a series that never existed has no value.
func OrZero(part, whole string) string { return part + " or 0 * " + whole }

// Remaining is the time from now to a timestamp, 0 once it has passed.
func Remaining(timestamp string) string { return "clamp_min(" + timestamp + " - time(), 0)" }

// RecentIncrease is a counter's increase in the last minute, independent of the scrape interval. It has no
// data without an increase or after a counter reset. A counter younger than a minute counts from 0. The last
// sample of an ended worker still counts: otherwise an event just before its end would be visible only to
// queries at that very moment. Five minutes is Prometheus's own lookback for the current value of a series.
func RecentIncrease(selector string, by ...string) string {
	now := "last_over_time(" + selector + "[5m])"
	before := "last_over_time(" + selector + "[5m] offset 1m)"
	return Sum(now+" - ("+before+" or 0 * "+now+")", by...) + " > 0"
}
