package kit

import (
	"fmt"
	"strings"

	"verbatim.dev/dashboards/contract"
)

// Labels that deploy/prometheus/scrape.yaml gives to a worker's figures.
const (
	Namespace = "namespace"
	Job       = "verbatim_job"
	Pod       = "pod"
)

// Scope is the part of a selector that the variables decide.
type Scope string

const (
	// Jobs is of the operator's figures about jobs.
	Jobs Scope = contract.LabelNamespace + `=~"$namespace",` + contract.LabelJob + `=~"$verbatim_job"`
	// Workers is of workers' figures, those of all workers of the jobs.
	Workers Scope = Namespace + `=~"$namespace",` + Job + `=~"$verbatim_job"`
	// SomeWorkers is of the figures of the workers that are chosen.
	SomeWorkers Scope = Workers + `,` + Pod + `=~"$worker"`
	// Everything is of figures that are about no job.
	Everything Scope = ""
)

// Of selects a metric's series; more are matchers, as `reason="Crash"`.
func (scope Scope) Of(metric string, more ...string) string {
	if scope != "" {
		more = append([]string{string(scope)}, more...)
	}
	if len(more) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(more, ",") + "}"
}

// Is is a matcher.
func Is(label, value string) string { return fmt.Sprintf("%s=%q", label, value) }

// Like is a matcher by a regular expression.
func Like(label, pattern string) string { return fmt.Sprintf("%s=~%q", label, pattern) }

// Rate is a counter's, a second.
func Rate(selector string) string { return "rate(" + selector + "[$__rate_interval])" }

// Increase is what a counter gained, in the time of one point.
func Increase(selector string) string { return "increase(" + selector + "[$__rate_interval])" }

// Sum adds up, keeping labels.
func Sum(query string, by ...string) string { return aggregate("sum", query, by) }

// Max is the greatest, keeping labels.
func Max(query string, by ...string) string { return aggregate("max", query, by) }

// Count counts series, keeping labels.
func Count(query string, by ...string) string { return aggregate("count", query, by) }

func aggregate(what, query string, by []string) string {
	if len(by) == 0 {
		return what + "(" + query + ")"
	}
	return what + " by (" + strings.Join(by, ", ") + ") (" + query + ")"
}

// Top keeps the greatest at each moment, so that a thousand workers are no thousand lines.
func Top(count int, query string) string { return fmt.Sprintf("topk(%d, %s)", count, query) }

// Across is a quantile over series, as over all workers.
func Across(share float64, query string) string { return fmt.Sprintf("quantile(%g, %s)", share, query) }

// Quantile is of a histogram over the time of one point.
func Quantile(share float64, metric string, scope Scope, by ...string) string {
	by = append([]string{"le"}, by...)
	return fmt.Sprintf("histogram_quantile(%g, %s)", share, Sum(Rate(scope.Of(metric+"_bucket")), by...))
}

// Share is a part of a whole, and nothing where the whole is nothing.
func Share(part, whole string) string { return part + " / (" + whole + " > 0)" }

// OrNone is a part of a whole, and 0 where there is none of it: a series that never was is no answer.
func OrNone(part, whole string) string { return part + " or 0 * " + whole }

// Since is what a counter gained in the last minute, whatever the interval of scraping: nothing where it gained nothing, and
// where it began anew. One that is not a minute old began at 0. The last that is known of a worker counts when it has ended, too,
// or what happened just before its end would be told only to who looks at that very moment. Five minutes are for how long
// Prometheus itself takes a series' last value for its present one.
func Since(selector string, by ...string) string {
	now := "last_over_time(" + selector + "[5m])"
	before := "last_over_time(" + selector + "[5m] offset 1m)"
	return Sum(now+" - ("+before+" or 0 * "+now+")", by...) + " > 0"
}
