package main

import (
	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// fleetJobs compares jobs.
func fleetJobs() grafana.Panels {
	by := []string{c.LabelNamespace, c.LabelJob}
	const perJob = "{{" + c.LabelNamespace + "}}/{{" + c.LabelJob + "}}"
	completion := promql.Max(estimatedCompletion, by...)
	backlog := promql.Max(promql.Jobs.Select(c.OperatorJobRemainingAudioSeconds), by...)
	return grafana.Panels{
		jobTable(by, completion),
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Jobs by phase", Description: "Number of jobs in each phase, in all namespaces.",
			Unit: grafana.Number, Width: 8, Height: 8, Decimals: number(0), Min: number(0),
			Queries: []grafana.Query{{
				Expr: promql.Sum(c.OperatorJobs, c.LabelPhase), Legend: "{{" + c.LabelPhase + "}}",
			}},
		}, Overrides: []grafana.Override{
			{Legend: "Pending", Colour: grafana.Yellow}, {Legend: "Planning", Colour: grafana.Orange},
			{Legend: "Running", Colour: grafana.Blue}, {Legend: "Suspended", Colour: grafana.Dim},
			{Legend: "Complete", Colour: grafana.Green}, {Legend: "Failed", Colour: grafana.Red},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Backlog by job", Description: "Remaining audio of the 10 jobs with the largest backlog.",
			Unit: grafana.Seconds, Width: 8, Height: 8, Min: number(0), NoValue: "no backlog",
			Queries: []grafana.Query{{Expr: promql.TopK(maxJobLines, backlog+" > 0"), Legend: perJob}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time to completion by job",
			Description: "Estimated time until each job completes at its present speed, of the 10 jobs that take " +
				"longest. A line that falls by one second per second is on schedule.",
			Unit: grafana.Seconds, Width: 8, Height: 8, Min: number(0), NoValue: "no job runs",
			Queries: []grafana.Query{{
				Expr: promql.TopK(maxJobLines, promql.Remaining(completion)), Legend: perJob,
			}},
		}},
	}
}

func jobTable(by []string, completion string) grafana.Table {
	// Restricts a query to the jobs with the most remaining files.
	largest := func(query string) string {
		return query + " and on (" + c.LabelNamespace + ", " + c.LabelJob + ") " +
			promql.TopK(maxTableRows, promql.Jobs.Select(c.OperatorJobRemainingFiles))
	}
	value := func(metric string, matchers ...string) string {
		return largest(promql.Max(promql.Jobs.Select(metric, matchers...), by...))
	}
	outcomes := promql.Sum(promql.Jobs.Select(c.OperatorJobFiles), by...)
	remaining := promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingFiles), by...)
	deadline := promql.Max(promql.Jobs.Select(c.OperatorJobDeadlineTimestampSeconds), by...)
	failed := promql.Equal(c.LabelOutcome, c.ValueFailed)
	stalled := promql.Equal(c.LabelCondition, c.ConditionStalled)
	return grafana.Table{
		Panel: grafana.Panel{
			Title: "Largest jobs",
			Description: "The 50 jobs with the most remaining files. Slack is the time from the estimated " +
				"completion to the deadline: with negative slack the job will miss it.",
			Width: 24, Height: 9,
		},
		Labels: []grafana.Label{
			{Name: c.LabelNamespace, Title: "Namespace"},
			{Name: c.LabelJob, Title: "Job", Link: jobLink, LinkTitle: "Open the job"},
		},
		Columns: []grafana.Column{
			{Title: "Progress", Expr: largest(promql.Ratio(outcomes, "("+outcomes+" + "+remaining+")")),
				Unit: grafana.Percent, Decimals: 1},
			{Title: "Remaining files", Expr: value(c.OperatorJobRemainingFiles), Unit: grafana.Number},
			{Title: "Failed files", Expr: value(c.OperatorJobFiles, failed), Unit: grafana.Number,
				Thresholds: []grafana.Threshold{{From: 1, Colour: grafana.Orange}}},
			{Title: "Remaining audio", Expr: value(c.OperatorJobRemainingAudioSeconds), Unit: grafana.Seconds,
				Decimals: 1},
			{Title: "Speed-up", Expr: value(c.OperatorJobSpeedUpRatio), Unit: grafana.Number, Decimals: 1},
			{Title: "Ready", Expr: value(c.OperatorJobWorkersReady), Unit: grafana.Number},
			{Title: "Desired", Expr: value(c.OperatorJobWorkersDesired), Unit: grafana.Number},
			{Title: "Time to completion", Expr: largest(promql.Remaining(completion)), Unit: grafana.Seconds},
			{Title: "Slack", Expr: largest(deadline + " - " + completion), Unit: grafana.Seconds,
				Thresholds: []grafana.Threshold{{From: -1e12, Colour: grafana.Red}, {From: 0, Colour: grafana.Green}}},
			{Title: "Stalled", Expr: value(c.OperatorJobCondition, stalled), Unit: grafana.Number,
				Thresholds: []grafana.Threshold{{From: 1, Colour: grafana.Red}}},
		},
		SortBy: "Remaining files",
	}
}
