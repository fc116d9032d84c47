package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

func number(value float64) *float64 { return &value }

// Where names in tables lead.
const (
	toJob    = "/d/" + grafana.JobUID + "?${datasource:queryparam}&${__url_time_range}&var-namespace=${__data.fields.Namespace}&var-verbatim_job=${__data.fields.Job}"
	toMemory = "/d/" + grafana.MemoryUID + "?${datasource:queryparam}&${__url_time_range}&var-namespace=${__data.fields.Namespace}&var-verbatim_job=${__data.fields.Job}&var-worker=${__data.fields.Worker}"
)

// mostJobs is how many jobs a table and a graph show.
const mostJobs, mostLines = 50, 10

func fleet() grafana.Dashboard {
	return grafana.Dashboard{
		UID:         grafana.FleetUID,
		Title:       "Verbatim / Fleet",
		Description: "All TranscriptionJobs together: what is done, what is left, how fast it goes, what fails, and what it costs.",
		From:        "now-6h",
		Refresh:     "30s",
		Variables: []cog.Builder[dashboard.VariableModel]{
			grafana.Variable("namespace", "Namespace", "Namespaces of jobs", c.OperatorJobCondition, c.LabelNamespace, true),
			grafana.Variable("verbatim_job", "Job", "TranscriptionJobs",
				c.OperatorJobCondition+`{`+promql.Regexp(c.LabelNamespace, "$namespace")+`}`, c.LabelJob, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{grafana.RecycleAnnotations(false, promql.Workers), grafana.AlertAnnotations()},
		Rows: []grafana.Row{
			{Title: "Now", Panels: fleetNow()},
			{Title: "Jobs", Panels: fleetJobs()},
			{Title: "Throughput and cost", Panels: fleetThroughput()},
			{Title: "Trouble", Panels: fleetTrouble()},
			{Title: "Operator", Panels: fleetOperator()},
		},
	}
}

func stalled() string {
	return promql.Jobs.Select(c.OperatorJobCondition, promql.Equal(c.LabelCondition, c.ConditionStalled)) + " == 1"
}

// speed is audio seconds a second, of all workers.
func speed(scope promql.Scope, by ...string) string {
	return promql.Sum(promql.Rate(scope.Select(c.AudioSecondsTotal)), by...)
}

func fleetNow() grafana.Panels {
	stat := func(title, description, unit, expr string) grafana.Stat {
		return grafana.Stat{Panel: grafana.Panel{
			Title: title, Description: description, Unit: unit, Width: 3, Height: 4, BaseColour: grafana.Blue,
			Queries: []grafana.Query{{Expr: expr, Legend: title}},
		}}
	}
	running := stat("Jobs running", "Jobs in phase Running, in all namespaces.", grafana.Number,
		promql.Sum(promql.Unscoped.Select(c.OperatorJobs, promql.Equal(c.LabelPhase, "Running")))+" or vector(0)")
	stuck := stat("Jobs stalled", "Jobs whose condition Stalled is True: work should be done, and something hinders it.", grafana.Number,
		"count("+stalled()+") or vector(0)")
	stuck.BaseColour, stuck.Thresholds = grafana.Green, []grafana.Threshold{{From: 1, Colour: grafana.Red}}
	backlog := stat("Backlog", "Audio still to do, as the operator estimates it from bytes.", grafana.Seconds,
		promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingAudioSeconds)))
	eta := stat("Time to the end", "Until the last running job will be done if all goes on as it does.", grafana.Seconds,
		"clamp_min("+promql.Max(promql.Jobs.Select(c.OperatorJobEstimatedCompletionTimestampSeconds))+" - time(), 0)")
	eta.NoValue = "no job runs"
	fast := stat("Speed-up", "Audio seconds transcribed in a second; the same number is audio hours in an hour.", grafana.Number,
		speed(promql.Workers))
	fast.Decimals = number(1)
	workers := stat("Workers ready", "Workers that take files, and workers that are wanted.", grafana.Number,
		promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)))
	workers.Queries[0].Legend = "ready"
	workers.Queries = append(workers.Queries, grafana.Query{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "wanted"})
	workers.NoSparkline = true
	failed := stat("Files failed", "Share of the files with an outcome that failed, of the jobs that are chosen.", grafana.Percent,
		promql.Ratio(promql.Sum(promql.Jobs.Select(c.OperatorJobFiles, promql.Equal(c.LabelOutcome, c.ValueFailed))),
			promql.Sum(promql.Jobs.Select(c.OperatorJobFiles))))
	failed.BaseColour, failed.Thresholds = grafana.Green, []grafana.Threshold{{From: 0.01, Colour: grafana.Yellow}, {From: 0.05, Colour: grafana.Red}}
	failed.Decimals = number(2)
	alerts := stat("Alerts firing", "Alerts of Verbatim that fire now. The rules are in deploy/alerts.", grafana.Number,
		`count(ALERTS{alertname=~"Verbatim.+",alertstate="firing"}) or vector(0)`)
	alerts.BaseColour, alerts.Thresholds = grafana.Green, []grafana.Threshold{{From: 1, Colour: grafana.Red}}
	return grafana.Panels{running, stuck, backlog, eta, fast, workers, failed, alerts}
}

func fleetJobs() grafana.Panels {
	// Of the jobs with most to do.
	among := func(query string) string {
		return query + " and on (" + c.LabelNamespace + ", " + c.LabelJob + ") " +
			promql.TopK(mostJobs, promql.Jobs.Select(c.OperatorJobRemainingFiles))
	}
	by := []string{c.LabelNamespace, c.LabelJob}
	one := func(metric string, more ...string) string {
		return among(promql.Max(promql.Jobs.Select(metric, more...), by...))
	}
	outcomes := promql.Sum(promql.Jobs.Select(c.OperatorJobFiles), by...)
	left := promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingFiles), by...)
	deadline := promql.Max(promql.Jobs.Select(c.OperatorJobDeadlineTimestampSeconds), by...)
	end := promql.Max(promql.Jobs.Select(c.OperatorJobEstimatedCompletionTimestampSeconds), by...)
	return grafana.Panels{
		grafana.Table{
			Panel: grafana.Panel{
				Title:       "Jobs with most to do",
				Description: "The 50 jobs with most files left. Slack is the time between the estimated end and the deadline: below 0 the job will miss it.",
				Width:       24, Height: 9,
			},
			Labels: []grafana.Label{
				{Name: c.LabelNamespace, Title: "Namespace"},
				{Name: c.LabelJob, Title: "Job", Link: toJob, LinkTitle: "Open the job"},
			},
			Columns: []grafana.Column{
				{Title: "Done", Expr: among(promql.Ratio(outcomes, "("+outcomes+" + "+left+")")), Unit: grafana.Percent, Decimals: 1},
				{Title: "Files left", Expr: one(c.OperatorJobRemainingFiles), Unit: grafana.Number},
				{Title: "Failed", Expr: one(c.OperatorJobFiles, promql.Equal(c.LabelOutcome, c.ValueFailed)), Unit: grafana.Number,
					Thresholds: []grafana.Threshold{{From: 1, Colour: grafana.Orange}}},
				{Title: "Audio left", Expr: one(c.OperatorJobRemainingAudioSeconds), Unit: grafana.Seconds, Decimals: 1},
				{Title: "Speed-up", Expr: one(c.OperatorJobSpeedUpRatio), Unit: grafana.Number, Decimals: 1},
				{Title: "Ready", Expr: one(c.OperatorJobWorkersReady), Unit: grafana.Number},
				{Title: "Wanted", Expr: one(c.OperatorJobWorkersDesired), Unit: grafana.Number},
				{Title: "Time left", Expr: among(promql.Remaining(end)), Unit: grafana.Seconds},
				{Title: "Slack", Expr: among(deadline + " - " + end), Unit: grafana.Seconds,
					Thresholds: []grafana.Threshold{{From: -1e12, Colour: grafana.Red}, {From: 0, Colour: grafana.Green}}},
				{Title: "Stalled", Expr: one(c.OperatorJobCondition, promql.Equal(c.LabelCondition, c.ConditionStalled)), Unit: grafana.Number,
					Thresholds: []grafana.Threshold{{From: 1, Colour: grafana.Red}}},
			},
			SortBy: "Files left",
		},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Jobs by phase", Description: "How many jobs are in which phase, in all namespaces.",
			Unit: grafana.Number, Width: 8, Height: 8, Decimals: number(0), Min: number(0),
			Queries: []grafana.Query{{Expr: promql.Sum(c.OperatorJobs, c.LabelPhase), Legend: "{{" + c.LabelPhase + "}}"}},
		}, Overrides: []grafana.Override{
			{Legend: "Pending", Colour: grafana.Yellow}, {Legend: "Planning", Colour: grafana.Orange}, {Legend: "Running", Colour: grafana.Blue}, {Legend: "Suspended", Colour: grafana.Dim},
			{Legend: "Complete", Colour: grafana.Green}, {Legend: "Failed", Colour: grafana.Red},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Backlog by job", Description: "Audio still to do, of the 10 jobs with most of it.",
			Unit: grafana.Seconds, Width: 8, Height: 8, Min: number(0), NoValue: "nothing is left to do",
			Queries: []grafana.Query{{
				Expr:   promql.TopK(mostLines, promql.Max(promql.Jobs.Select(c.OperatorJobRemainingAudioSeconds), by...)+" > 0"),
				Legend: "{{" + c.LabelNamespace + "}}/{{" + c.LabelJob + "}}",
			}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time to the end, by job", Description: "Until each job will be done if it goes on as it does, of the 10 that take longest. A line that falls by a second a second is on time.",
			Unit: grafana.Seconds, Width: 8, Height: 8, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.TopK(mostLines, promql.Remaining(end)),
				Legend: "{{" + c.LabelNamespace + "}}/{{" + c.LabelJob + "}}",
			}},
			NoValue: "no job runs",
		}},
	}
}

func fleetThroughput() grafana.Panels {
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Speed-up by job", Description: "Audio seconds transcribed in a second, of the 10 fastest jobs. The same number is audio hours in an hour.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []grafana.Query{{
				Expr:   promql.TopK(mostLines, speed(promql.Workers, promql.Namespace, promql.Job)),
				Legend: "{{namespace}}/{{verbatim_job}}",
			}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Workers wanted and ready", Description: "A gap that stays is pods that find no node, or engines that do not start.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "wanted"},
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)), Legend: "ready"},
			},
		}, Overrides: []grafana.Override{{Legend: "wanted", Colour: grafana.Orange, Dashed: true}, {Legend: "ready", Colour: grafana.Green}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Cost: audio hours per worker hour", Description: "What an hour of a worker's time brings, over all workers that run, idle ones included. More is cheaper.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []grafana.Query{{
				Expr:   promql.Ratio(speed(promql.Workers), promql.Count(promql.Workers.Select(c.EngineReady))),
				Legend: "all jobs",
			}, {
				Expr: promql.TopK(mostLines, promql.Ratio(speed(promql.Workers, promql.Namespace, promql.Job),
					promql.Count(promql.Workers.Select(c.EngineReady), promql.Namespace, promql.Job))),
				Legend: "{{namespace}}/{{verbatim_job}}",
			}},
		}, Overrides: []grafana.Override{{Legend: "all jobs", Colour: grafana.Grey, Dashed: true}}},
	}
}

func fleetTrouble() grafana.Panels {
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Failed files by reason", Description: "Files that failed for good, at each point of the graph. docs/transcripts.md says what each reason means.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.Sum(promql.Increase(promql.Workers.Select(c.FileFailuresTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			NoValue: "no file failed",
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Recycles by reason", Description: "Engines that were replaced. Memory, Growth and MaxFiles let files finish; the others cost time. docs/memory.md has the rules.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.Sum(promql.Increase(promql.Workers.Select(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			NoValue: "no engine was replaced",
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Workers restarted, and killed for memory", Description: "Workers that the operator replaced since nothing else helped, and processes that the kernel killed for memory, since the jobs began. Both should stay at 0.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobRestarts)), Legend: "restarted by the operator"},
				{Expr: promql.Sum(promql.Workers.Select(c.CgroupOomKillsTotal)), Legend: "killed for memory"},
			},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "What hinders jobs", Description: "Jobs that are stalled or have failed, by reason. docs/conditions.md says what to do about each.",
			Unit: grafana.Number, Width: 24, Height: 7, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{{
				Expr: "count by (" + c.LabelCondition + ", " + c.LabelReason + ") (" + promql.Jobs.Select(c.OperatorJobCondition,
					promql.Regexp(c.LabelCondition, c.ConditionStalled+"|"+c.ConditionFailed)) + " == 1)",
				Legend: "{{condition}}: {{reason}}",
			}},
			NoValue: "no job is hindered",
		}},
	}
}

func fleetOperator() grafana.Panels {
	by := func(share float64) string {
		return promql.HistogramQuantile(share, c.OperatorReconcileSeconds, promql.Unscoped, c.LabelPart)
	}
	return grafana.Panels{
		grafana.Stat{NoSparkline: true, Panel: grafana.Panel{
			Title: "Replicas that lead", Description: "One, and no other number: with none nothing is scheduled, though workers go on.",
			Unit: grafana.Number, Width: 4, Height: 8, BaseColour: grafana.Red,
			Thresholds: []grafana.Threshold{{From: 1, Colour: grafana.Green}, {From: 2, Colour: grafana.Red}},
			Queries:    []grafana.Query{{Expr: promql.Sum(c.OperatorLeader) + " or vector(0)", Legend: "leaders"}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Reconciles", Description: "Looks at jobs in a second, and those that failed, by step.",
			Unit: grafana.PerSecond, Width: 7, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Rate(c.OperatorReconcilesTotal)), Legend: "all"},
				{Expr: promql.Sum(promql.Rate(c.OperatorReconcileErrorsTotal), c.LabelStep), Legend: "failed: {{step}}"},
			},
		}, Overrides: []grafana.Override{{Legend: "failed.*", Colour: grafana.Red}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time of a reconcile", Description: "all: with waiting for the API server and the workers; own: without.",
			Unit: grafana.Seconds, Width: 7, Height: 8, Min: number(0),
			Queries: []grafana.Query{{Expr: by(0.5), Legend: "{{part}}, half are quicker"}, {Expr: by(0.99), Legend: "{{part}}, 99 % are quicker"}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Questions to workers", Description: "The operator asks every worker how far it is. Errors are workers that do not answer: those that go, and those that are ill.",
			Unit: grafana.PerSecond, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{{Expr: promql.Sum(promql.Rate(c.OperatorScrapesTotal), c.LabelResult), Legend: "{{result}}"}},
		}, Overrides: []grafana.Override{{Legend: "error", Colour: grafana.Red}, {Legend: "ok", Colour: grafana.Green}}},
	}
}
