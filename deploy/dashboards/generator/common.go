package main

import (
	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// Links from table cells to other dashboards.
const (
	linkToChosen = "?${datasource:queryparam}&${__url_time_range}" +
		"&var-namespace=${__data.fields.Namespace}&var-verbatim_job=${__data.fields.Job}"
	jobLink    = "/d/" + grafana.JobUID + linkToChosen
	workerLink = "/d/" + grafana.MemoryUID + linkToChosen + "&var-worker=${__data.fields.Worker}"
)

// estimatedCompletion selects when jobs will complete.
var estimatedCompletion = promql.Jobs.Select(c.OperatorJobEstimatedCompletionTimestampSeconds)

// outcomeOverrides colour files by their outcome.
var outcomeOverrides = []grafana.Override{
	{Legend: "succeeded", Colour: grafana.Green}, {Legend: "failed", Colour: grafana.Red},
	{Legend: "skipped", Colour: grafana.Blue},
}

func number(value float64) *float64 { return &value }

// throughput is the audio seconds transcribed per second by all workers of a scope.
func throughput(scope promql.Scope, by ...string) string {
	return promql.Sum(promql.Rate(scope.Select(c.AudioSecondsTotal)), by...)
}

func workerCount(description string) grafana.TimeSeries {
	return grafana.TimeSeries{Panel: grafana.Panel{
		Title: "Desired and ready workers", Description: description,
		Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
		Queries: []grafana.Query{
			{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "desired"},
			{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)), Legend: "ready"},
		},
	}, Overrides: []grafana.Override{
		{Legend: "desired", Colour: grafana.Orange, Dashed: true}, {Legend: "ready", Colour: grafana.Green},
	}}
}

func failuresByReason(scope promql.Scope, width uint32) grafana.TimeSeries {
	return grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
		Title:       "Failures by reason",
		Description: "Permanently failed files, per point of the graph. docs/transcripts.md explains the reasons.",
		Unit:        grafana.Number, Width: width, Height: 8, Min: number(0),
		Queries: []grafana.Query{{
			Expr:   promql.Sum(promql.Increase(scope.Select(c.FileFailuresTotal)), c.LabelReason) + " > 0",
			Legend: "{{reason}}",
		}},
		NoValue: "no failed files",
	}}
}

func recyclesByReason(scope promql.Scope, width, height uint32) grafana.TimeSeries {
	return grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
		Title: "Recycles by reason",
		Description: "Replaced engines, per point of the graph. Memory, GpuMemory, Growth and MaxFiles let files " +
			"in flight finish; the other reasons repeat them. docs/memory.md has the rules.",
		Unit: grafana.Number, Width: width, Height: height, Min: number(0),
		Queries: []grafana.Query{{
			Expr:   promql.Sum(promql.Increase(scope.Select(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
			Legend: "{{reason}}",
		}},
		NoValue: "no recycles",
	}}
}
