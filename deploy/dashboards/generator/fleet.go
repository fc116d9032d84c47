package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// Largest numbers of jobs in a table, and of lines for jobs in a graph.
const maxTableRows, maxJobLines = 50, 10

func fleet() grafana.Dashboard {
	inNamespace := promql.Regexp(c.LabelNamespace, "$namespace")
	return grafana.Dashboard{
		UID:   grafana.FleetUID,
		Title: "Verbatim / Fleet",
		Description: "All TranscriptionJobs: progress, backlog, throughput, failures and cost efficiency, " +
			"and the health of the operator.",
		From:    "now-6h",
		Refresh: "30s",
		Variables: []cog.Builder[dashboard.VariableModel]{
			grafana.Variable("namespace", "Namespace", "Namespaces of jobs",
				c.OperatorJobCondition, c.LabelNamespace, true),
			grafana.Variable("verbatim_job", "Job", "TranscriptionJobs",
				c.OperatorJobCondition+`{`+inNamespace+`}`, c.LabelJob, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{
			grafana.RecycleAnnotations(false, promql.Workers), grafana.AlertAnnotations(),
		},
		Rows: []grafana.Row{
			{Title: "Overview", Panels: fleetOverview()},
			{Title: "Jobs", Panels: fleetJobs()},
			{Title: "Throughput and cost efficiency", Panels: fleetThroughput()},
			{Title: "Failures and recycles", Panels: fleetFailures()},
			{Title: "Operator", Panels: fleetOperator()},
		},
	}
}

func fleetOverview() grafana.Panels {
	stat := func(title, description, unit, expr string) grafana.Stat {
		return grafana.Stat{Panel: grafana.Panel{
			Title: title, Description: description, Unit: unit, Width: 3, Height: 4, BaseColour: grafana.Blue,
			Queries: []grafana.Query{{Expr: expr, Legend: title}},
		}}
	}
	isStalled := promql.Equal(c.LabelCondition, c.ConditionStalled)
	isFailed := promql.Equal(c.LabelOutcome, c.ValueFailed)

	running := stat("Running jobs", "Jobs in phase Running, in all namespaces.", grafana.Number,
		promql.Sum(promql.Unscoped.Select(c.OperatorJobs, promql.Equal(c.LabelPhase, "Running")))+" or vector(0)")

	stalled := stat("Stalled jobs",
		"Jobs whose condition Stalled is True: there is work to do and something prevents it.", grafana.Number,
		"count("+promql.Jobs.Select(c.OperatorJobCondition, isStalled)+" == 1) or vector(0)")
	stalled.BaseColour = grafana.Green
	stalled.Thresholds = []grafana.Threshold{{From: 1, Colour: grafana.Red}}

	backlog := stat("Backlog", "Remaining audio, estimated by the operator from file sizes.", grafana.Seconds,
		promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingAudioSeconds)))

	eta := stat("Time to completion", "Time until the last running job completes, at the present speed.",
		grafana.Seconds, promql.Remaining(promql.Max(estimatedCompletion)))
	eta.NoValue = "no job runs"

	speedUp := stat("Speed-up",
		"Throughput in multiples of real time: audio seconds transcribed per second, or audio hours per hour.",
		grafana.Number, throughput(promql.Workers))
	speedUp.Decimals = number(1)

	workers := stat("Workers", "Workers that are ready for files, and workers that are desired.", grafana.Number,
		promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)))
	workers.Queries[0].Legend = "ready"
	workers.Queries = append(workers.Queries, grafana.Query{
		Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "desired",
	})
	workers.NoSparkline = true

	failures := stat("File failure rate",
		"Failed files as a share of all files with an outcome, in the chosen jobs.",
		grafana.Percent, promql.Ratio(promql.Sum(promql.Jobs.Select(c.OperatorJobFiles, isFailed)),
			promql.Sum(promql.Jobs.Select(c.OperatorJobFiles))))
	failures.BaseColour = grafana.Green
	failures.Thresholds = []grafana.Threshold{
		{From: 0.01, Colour: grafana.Yellow}, {From: 0.05, Colour: grafana.Red},
	}
	failures.Decimals = number(2)

	alerts := stat("Firing alerts", "Verbatim's firing alerts. The rules are in deploy/alerts.", grafana.Number,
		`count(ALERTS{alertname=~"Verbatim.+",alertstate="firing"}) or vector(0)`)
	alerts.BaseColour = grafana.Green
	alerts.Thresholds = []grafana.Threshold{{From: 1, Colour: grafana.Red}}

	return grafana.Panels{running, stalled, backlog, eta, speedUp, workers, failures, alerts}
}

func fleetThroughput() grafana.Panels {
	perWorkerHour := func(by ...string) string {
		return promql.Ratio(throughput(promql.Workers, by...),
			promql.Count(promql.Workers.Select(c.EngineReady), by...))
	}
	const perJob = "{{namespace}}/{{verbatim_job}}"
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Speed-up by job",
			Description: "Throughput of the 10 fastest jobs in multiples of real time: audio seconds transcribed " +
				"per second, or audio hours per hour.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []grafana.Query{{
				Expr:   promql.TopK(maxJobLines, throughput(promql.Workers, promql.Namespace, promql.Job)),
				Legend: perJob,
			}},
		}},
		workerCount("A lasting gap means pods without a node, or engines that do not start."),
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Cost efficiency: audio hours per worker hour",
			Description: "Audio hours transcribed per hour of a running worker, idle workers included. " +
				"Higher is cheaper.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []grafana.Query{
				{Expr: perWorkerHour(), Legend: "all jobs"},
				{Expr: promql.TopK(maxJobLines, perWorkerHour(promql.Namespace, promql.Job)), Legend: perJob},
			},
		}, Overrides: []grafana.Override{{Legend: "all jobs", Colour: grafana.Grey, Dashed: true}}},
	}
}

func fleetFailures() grafana.Panels {
	hindered := promql.Regexp(c.LabelCondition, c.ConditionStalled+"|"+c.ConditionFailed)
	return grafana.Panels{
		failuresByReason(promql.Workers, 8),
		recyclesByReason(promql.Workers, 8, 8),
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Worker restarts and OOM kills",
			Description: "Workers that the operator replaced as a last resort, and processes that the kernel killed " +
				"for lack of memory, since the jobs started. Both should stay at 0.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobRestarts)), Legend: "restarts by the operator"},
				{Expr: promql.Sum(promql.Workers.Select(c.CgroupOomKillsTotal)), Legend: "OOM kills"},
			},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Stalled and failed jobs by reason",
			Description: "Jobs with the condition Stalled or Failed. docs/conditions.md has the remedy for each " +
				"reason.",
			Unit: grafana.Number, Width: 24, Height: 7, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{{
				Expr: promql.Count(promql.Jobs.Select(c.OperatorJobCondition, hindered)+" == 1",
					c.LabelCondition, c.LabelReason),
				Legend: "{{condition}}: {{reason}}",
			}},
			NoValue: "no stalled or failed jobs",
		}},
	}
}

func fleetOperator() grafana.Panels {
	duration := func(quantile float64, name string) grafana.Query {
		return grafana.Query{
			Expr:   promql.HistogramQuantile(quantile, c.OperatorReconcileSeconds, promql.Unscoped, c.LabelPart),
			Legend: "{{part}} " + name,
		}
	}
	return grafana.Panels{
		grafana.Stat{NoSparkline: true, Panel: grafana.Panel{
			Title: "Leaders",
			Description: "Operator replicas that lead; exactly 1 is healthy. Without a leader nothing is scheduled, " +
				"while running workers continue.",
			Unit: grafana.Number, Width: 4, Height: 8, BaseColour: grafana.Red,
			Thresholds: []grafana.Threshold{{From: 1, Colour: grafana.Green}, {From: 2, Colour: grafana.Red}},
			Queries:    []grafana.Query{{Expr: promql.Sum(c.OperatorLeader) + " or vector(0)", Legend: "leaders"}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Reconcile rate", Description: "Reconciles per second, and failed reconciles by step.",
			Unit: grafana.PerSecond, Width: 7, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Rate(c.OperatorReconcilesTotal)), Legend: "all"},
				{
					Expr:   promql.Sum(promql.Rate(c.OperatorReconcileErrorsTotal), c.LabelStep),
					Legend: "failed: {{step}}",
				},
			},
		}, Overrides: []grafana.Override{{Legend: "failed.*", Colour: grafana.Red}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Reconcile duration",
			Description: "p50 and p99 of a reconcile. `all` includes the time spent waiting for the API server and " +
				"the workers; `own` excludes it.",
			Unit: grafana.Seconds, Width: 7, Height: 8, Min: number(0),
			Queries: []grafana.Query{duration(0.5, "p50"), duration(0.99, "p99")},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Worker scrapes",
			Description: "The operator's requests to workers for their progress, by result. Errors come from " +
				"workers that do not answer: workers that are ending, and unhealthy ones.",
			Unit: grafana.PerSecond, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{{
				Expr: promql.Sum(promql.Rate(c.OperatorScrapesTotal), c.LabelResult), Legend: "{{result}}",
			}},
		}, Overrides: []grafana.Override{
			{Legend: "error", Colour: grafana.Red}, {Legend: "ok", Colour: grafana.Green},
		}},
	}
}
