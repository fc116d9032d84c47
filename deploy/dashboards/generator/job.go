package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// maxWorkerLines is the largest number of workers in a graph, out of up to a thousand.
const maxWorkerLines = 20

func job() grafana.Dashboard {
	inNamespace := promql.Regexp(c.LabelNamespace, "$namespace")
	return grafana.Dashboard{
		UID:   grafana.JobUID,
		Title: "Verbatim / Job",
		Description: "One TranscriptionJob: progress, time to completion, speed of its workers, " +
			"and their bottlenecks.",
		From:    "now-3h",
		Refresh: "30s",
		Variables: []cog.Builder[dashboard.VariableModel]{
			grafana.Variable("namespace", "Namespace", "Namespace of the job",
				c.OperatorJobCondition, c.LabelNamespace, false),
			grafana.Variable("verbatim_job", "Job", "TranscriptionJob",
				c.OperatorJobCondition+"{"+inNamespace+"}", c.LabelJob, false),
			grafana.Variable("worker", "Worker", "Pods of the job",
				promql.Workers.Select(c.EngineReady), promql.Pod, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{
			grafana.RecycleAnnotations(true, promql.ChosenWorkers, promql.Pod), grafana.AlertAnnotations(),
		},
		Rows: []grafana.Row{
			{Title: "Overview", Panels: jobOverview()},
			{Title: "Progress", Panels: jobProgress()},
			{Title: "Speed", Panels: jobSpeed()},
			{Title: "Memory", Panels: jobMemory()},
			{Title: "Inference", Panels: jobInference()},
			{Title: "Store and spool", Panels: jobStore()},
		},
	}
}

func jobOverview() grafana.Panels {
	stat := func(title, description, unit, expr string) grafana.Stat {
		return grafana.Stat{Panel: grafana.Panel{
			Title: title, Description: description, Unit: unit, Width: 3, Height: 4, BaseColour: grafana.Blue,
			Queries: []grafana.Query{{Expr: expr, Legend: title}},
		}}
	}
	outcomes := promql.Sum(promql.Jobs.Select(c.OperatorJobFiles))
	left := promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingFiles))
	completion := promql.Max(estimatedCompletion)
	isStalled := promql.Equal(c.LabelCondition, c.ConditionStalled)

	progress := stat("Progress", "Recordings with an outcome, failed ones included, as a share of all.",
		grafana.Percent, promql.Ratio(outcomes, "("+outcomes+" + "+left+")"))
	progress.Decimals = number(1)

	remaining := stat("Remaining files", "Recordings without an outcome.", grafana.Number, left)

	eta := stat("Time to completion", "Estimated time until the job completes at its present speed.",
		grafana.Seconds, promql.Remaining(completion))
	eta.NoValue = "not known"

	slack := stat("Deadline slack",
		"Time from the estimated completion to the deadline. With negative slack the job will miss it.",
		grafana.Seconds, promql.Max(promql.Jobs.Select(c.OperatorJobDeadlineTimestampSeconds))+" - "+completion)
	slack.BaseColour, slack.NoValue = grafana.Red, "no deadline"
	slack.Thresholds = []grafana.Threshold{{From: 0, Colour: grafana.Yellow}, {From: 600, Colour: grafana.Green}}

	speedUp := stat("Speed-up",
		"Throughput of all workers in multiples of real time (audio seconds per second), as the operator measures "+
			"it.",
		grafana.Number, promql.Max(promql.Jobs.Select(c.OperatorJobSpeedUpRatio)))
	speedUp.Decimals, speedUp.NoValue = number(1), "not known"

	rtf := stat("RTF per worker",
		"Real-time factor: worker seconds per second of audio, as a ratio of sums. Lower is faster.",
		grafana.Number, promql.Max(promql.Jobs.Select(c.OperatorJobRealTimeFactor)))
	rtf.Decimals, rtf.NoValue = number(3), "not known"

	workers := stat("Workers", "Workers that are ready for files, and workers that are desired.",
		grafana.Number, promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)))
	workers.Queries[0].Legend, workers.NoSparkline = "ready", true
	workers.Queries = append(workers.Queries, grafana.Query{
		Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "desired",
	})

	stalled := stat("Stalled",
		"Condition Stalled: there is work to do and something prevents it. `kubectl describe tj` shows the reason.",
		grafana.Number, promql.Max(promql.Jobs.Select(c.OperatorJobCondition, isStalled)))
	stalled.NoSparkline, stalled.BaseColour = true, grafana.Green
	stalled.Thresholds = []grafana.Threshold{{From: 1, Colour: grafana.Red}}
	stalled.Mappings = map[string]grafana.Mapping{
		"0": {Text: "no", Colour: grafana.Green}, "1": {Text: "yes", Colour: grafana.Red},
	}
	return grafana.Panels{progress, remaining, eta, slack, speedUp, rtf, workers, stalled}
}

func jobProgress() grafana.Panels {
	deadline := promql.Max(promql.Jobs.Select(c.OperatorJobDeadlineTimestampSeconds))
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title:       "Files by outcome",
			Description: "All recordings of the job: those with an outcome, and the remaining ones.",
			Unit:        grafana.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobFiles), c.LabelOutcome), Legend: "{{outcome}}"},
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingFiles)), Legend: "remaining"},
			},
		}, Overrides: append(outcomeOverrides[:3:3], grafana.Override{Legend: "remaining", Colour: grafana.Dim})},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time to completion and to the deadline",
			Description: "Both fall by one second per second. While completion is above the deadline, the job will " +
				"miss its deadline.",
			Unit: grafana.Seconds, Width: 8, Height: 8, Min: number(0), NoValue: "not known",
			Queries: []grafana.Query{
				{Expr: promql.Remaining(promql.Max(estimatedCompletion)), Legend: "completion"},
				{Expr: promql.Remaining(deadline), Legend: "deadline"},
			},
		}, Overrides: []grafana.Override{
			{Legend: "deadline", Colour: grafana.Red, Dashed: true}, {Legend: "completion", Colour: grafana.Blue},
		}},
		workerCount("docs/scaling.md explains how many are desired and why."),
	}
}

func jobSpeed() grafana.Panels {
	rtf := func(quantile float64, name string) grafana.Query {
		expr := promql.HistogramQuantile(quantile, c.FileRealTimeFactor, promql.ChosenWorkers)
		return grafana.Query{Expr: expr, Legend: name}
	}
	files := promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.FilesTotal)), c.LabelOutcome)
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Speed-up by worker",
			Description: "Throughput in multiples of real time (audio seconds per second): the 20 fastest workers, " +
				"and the sum of the chosen ones. Audio counts when its file is done, so that long files make steps.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []grafana.Query{
				{Expr: throughput(promql.ChosenWorkers), Legend: "sum"},
				{Expr: promql.TopK(maxWorkerLines, throughput(promql.ChosenWorkers, promql.Pod)), Legend: "{{pod}}"},
			},
		}, Overrides: []grafana.Override{{Legend: "sum", Colour: grafana.Grey, Dashed: true}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "RTF per file",
			Description: "Real-time factor: processing seconds per second of audio, from a file's first byte to its " +
				"last segment, including the wait for files that run beside it. Lower is faster. Values above 2 " +
				"show as 2.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(3),
			Queries: []grafana.Query{rtf(0.5, "p50"), rtf(0.9, "p90"), rtf(0.99, "p99")},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Files per minute by outcome", Description: "Files that got their outcome, per minute.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{{Expr: "60 * " + files, Legend: "{{outcome}}"}},
		}, Overrides: outcomeOverrides},
		failuresByReason(promql.ChosenWorkers, 6),
	}
}
