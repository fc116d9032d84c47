package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/kit"
)

// panels is short for a row's list.
type panels = []interface {
	Builder() cog.Builder[dashboard.Panel]
}

func number(value float64) *float64 { return &value }

// Where names in tables lead.
const (
	toJob    = "/d/" + kit.JobUID + "?${datasource:queryparam}&${__url_time_range}&var-namespace=${__data.fields.Namespace}&var-verbatim_job=${__data.fields.Job}"
	toMemory = "/d/" + kit.MemoryUID + "?${datasource:queryparam}&${__url_time_range}&var-namespace=${__data.fields.Namespace}&var-verbatim_job=${__data.fields.Job}&var-worker=${__data.fields.Worker}"
)

// mostJobs is how many jobs a table and a graph show.
const mostJobs, mostLines = 50, 10

func fleet() kit.Page {
	return kit.Page{
		UID:         kit.FleetUID,
		Title:       "Verbatim / Fleet",
		Description: "All TranscriptionJobs together: what is done, what is left, how fast it goes, what fails, and what it costs.",
		From:        "now-6h",
		Refresh:     "30s",
		Variables: []cog.Builder[dashboard.VariableModel]{
			kit.Variable("namespace", "Namespace", "Namespaces of jobs", c.OperatorJobCondition, c.LabelNamespace, true),
			kit.Variable("verbatim_job", "Job", "TranscriptionJobs",
				c.OperatorJobCondition+`{`+kit.Like(c.LabelNamespace, "$namespace")+`}`, c.LabelJob, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{kit.Recycles(false, kit.Workers), kit.Alerts()},
		Rows: []kit.Row{
			{Title: "Now", Panels: fleetNow()},
			{Title: "Jobs", Panels: fleetJobs()},
			{Title: "Throughput and cost", Panels: fleetThroughput()},
			{Title: "Trouble", Panels: fleetTrouble()},
			{Title: "Operator", Panels: fleetOperator()},
		},
	}
}

func stalled() string {
	return kit.Jobs.Of(c.OperatorJobCondition, kit.Is(c.LabelCondition, c.ConditionStalled)) + " == 1"
}

// speed is audio seconds a second, of all workers.
func speed(scope kit.Scope, by ...string) string {
	return kit.Sum(kit.Rate(scope.Of(c.AudioSecondsTotal)), by...)
}

func fleetNow() panels {
	stat := func(title, description, unit, expr string) kit.Stat {
		return kit.Stat{Panel: kit.Panel{
			Title: title, Description: description, Unit: unit, Width: 3, Height: 4, Base: kit.Blue,
			Queries: []kit.Query{{Expr: expr, Legend: title}},
		}}
	}
	running := stat("Jobs running", "Jobs in phase Running, in all namespaces.", kit.Number,
		kit.Sum(kit.Everything.Of(c.OperatorJobs, kit.Is(c.LabelPhase, "Running")))+" or vector(0)")
	stuck := stat("Jobs stalled", "Jobs whose condition Stalled is True: work should be done, and something hinders it.", kit.Number,
		"count("+stalled()+") or vector(0)")
	stuck.Base, stuck.Steps = kit.Green, []kit.Step{{From: 1, Colour: kit.Red}}
	backlog := stat("Backlog", "Audio still to do, as the operator estimates it from bytes.", kit.Audio,
		kit.Sum(kit.Jobs.Of(c.OperatorJobRemainingAudioSeconds)))
	eta := stat("Time to the end", "Until the last running job will be done if all goes on as it does.", kit.Seconds,
		"clamp_min("+kit.Max(kit.Jobs.Of(c.OperatorJobEstimatedCompletionTimestampSeconds))+" - time(), 0)")
	eta.Empty = "no job runs"
	fast := stat("Speed-up", "Audio seconds transcribed in a second; the same number is audio hours in an hour.", kit.Number,
		speed(kit.Workers))
	fast.Decimals = number(1)
	workers := stat("Workers ready", "Workers that take files, and workers that are wanted.", kit.Number,
		kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersReady)))
	workers.Queries[0].Legend = "ready"
	workers.Queries = append(workers.Queries, kit.Query{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersDesired)), Legend: "wanted"})
	workers.Plain = true
	failed := stat("Files failed", "Share of the files with an outcome that failed, of the jobs that are chosen.", kit.Percent,
		kit.Share(kit.Sum(kit.Jobs.Of(c.OperatorJobFiles, kit.Is(c.LabelOutcome, c.ValueFailed))),
			kit.Sum(kit.Jobs.Of(c.OperatorJobFiles))))
	failed.Base, failed.Steps = kit.Green, []kit.Step{{From: 0.01, Colour: kit.Yellow}, {From: 0.05, Colour: kit.Red}}
	failed.Decimals = number(2)
	alerts := stat("Alerts firing", "Alerts of Verbatim that fire now. The rules are in deploy/alerts.", kit.Number,
		`count(ALERTS{alertname=~"Verbatim.+",alertstate="firing"}) or vector(0)`)
	alerts.Base, alerts.Steps = kit.Green, []kit.Step{{From: 1, Colour: kit.Red}}
	return panels{running, stuck, backlog, eta, fast, workers, failed, alerts}
}

func fleetJobs() panels {
	// Of the jobs with most to do.
	among := func(query string) string {
		return query + " and on (" + c.LabelNamespace + ", " + c.LabelJob + ") " +
			kit.Top(mostJobs, kit.Jobs.Of(c.OperatorJobRemainingFiles))
	}
	by := []string{c.LabelNamespace, c.LabelJob}
	one := func(metric string, more ...string) string { return among(kit.Max(kit.Jobs.Of(metric, more...), by...)) }
	outcomes := kit.Sum(kit.Jobs.Of(c.OperatorJobFiles), by...)
	left := kit.Sum(kit.Jobs.Of(c.OperatorJobRemainingFiles), by...)
	deadline := kit.Max(kit.Jobs.Of(c.OperatorJobDeadlineTimestampSeconds), by...)
	end := kit.Max(kit.Jobs.Of(c.OperatorJobEstimatedCompletionTimestampSeconds), by...)
	return panels{
		kit.Table{
			Panel: kit.Panel{
				Title:       "Jobs with most to do",
				Description: "The 50 jobs with most files left. Slack is the time between the estimated end and the deadline: below 0 the job will miss it.",
				Width:       24, Height: 9,
			},
			Labels: []kit.Label{
				{Name: c.LabelNamespace, Title: "Namespace"},
				{Name: c.LabelJob, Title: "Job", Link: toJob, LinkTitle: "Open the job"},
			},
			Columns: []kit.Column{
				{Title: "Done", Expr: among(kit.Share(outcomes, "("+outcomes+" + "+left+")")), Unit: kit.Percent, Digits: 1},
				{Title: "Files left", Expr: one(c.OperatorJobRemainingFiles), Unit: kit.Number},
				{Title: "Failed", Expr: one(c.OperatorJobFiles, kit.Is(c.LabelOutcome, c.ValueFailed)), Unit: kit.Number,
					Steps: []kit.Step{{From: 1, Colour: kit.Orange}}},
				{Title: "Audio left", Expr: one(c.OperatorJobRemainingAudioSeconds), Unit: kit.Audio, Digits: 1},
				{Title: "Speed-up", Expr: one(c.OperatorJobSpeedUpRatio), Unit: kit.Number, Digits: 1},
				{Title: "Ready", Expr: one(c.OperatorJobWorkersReady), Unit: kit.Number},
				{Title: "Wanted", Expr: one(c.OperatorJobWorkersDesired), Unit: kit.Number},
				{Title: "Time left", Expr: among("clamp_min(" + end + " - time(), 0)"), Unit: kit.Seconds},
				{Title: "Slack", Expr: among(deadline + " - " + end), Unit: kit.Seconds,
					Steps: []kit.Step{{From: -1e12, Colour: kit.Red}, {From: 0, Colour: kit.Green}}},
				{Title: "Stalled", Expr: one(c.OperatorJobCondition, kit.Is(c.LabelCondition, c.ConditionStalled)), Unit: kit.Number,
					Steps: []kit.Step{{From: 1, Colour: kit.Red}}},
			},
			SortBy: "Files left",
		},
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "Jobs by phase", Description: "How many jobs are in which phase, in all namespaces.",
			Unit: kit.Number, Width: 8, Height: 8, Decimals: number(0), Min: number(0),
			Queries: []kit.Query{{Expr: kit.Sum(c.OperatorJobs, c.LabelPhase), Legend: "{{" + c.LabelPhase + "}}"}},
		}, Styles: []kit.Style{
			{Legend: "Pending", Colour: kit.Yellow}, {Legend: "Planning", Colour: kit.Orange}, {Legend: "Running", Colour: kit.Blue}, {Legend: "Suspended", Colour: "#808080"},
			{Legend: "Complete", Colour: kit.Green}, {Legend: "Failed", Colour: kit.Red},
		}},
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "Backlog by job", Description: "Audio still to do, of the 10 jobs with most of it.",
			Unit: kit.Audio, Width: 8, Height: 8, Min: number(0), Empty: "nothing is left to do",
			Queries: []kit.Query{{
				Expr:   kit.Top(mostLines, kit.Max(kit.Jobs.Of(c.OperatorJobRemainingAudioSeconds), by...)+" > 0"),
				Legend: "{{" + c.LabelNamespace + "}}/{{" + c.LabelJob + "}}",
			}},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Time to the end, by job", Description: "Until each job will be done if it goes on as it does, of the 10 that take longest. A line that falls by a second a second is on time.",
			Unit: kit.Seconds, Width: 8, Height: 8, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Top(mostLines, "clamp_min("+end+" - time(), 0)"),
				Legend: "{{" + c.LabelNamespace + "}}/{{" + c.LabelJob + "}}",
			}},
			Empty: "no job runs",
		}},
	}
}

func fleetThroughput() panels {
	return panels{
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "Speed-up by job", Description: "Audio seconds transcribed in a second, of the 10 fastest jobs. The same number is audio hours in an hour.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []kit.Query{{
				Expr:   kit.Top(mostLines, speed(kit.Workers, kit.Namespace, kit.Job)),
				Legend: "{{namespace}}/{{verbatim_job}}",
			}},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Workers wanted and ready", Description: "A gap that stays is pods that find no node, or engines that do not start.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersDesired)), Legend: "wanted"},
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersReady)), Legend: "ready"},
			},
		}, Styles: []kit.Style{{Legend: "wanted", Colour: kit.Orange, Dashed: true}, {Legend: "ready", Colour: kit.Green}}},
		kit.Graph{Panel: kit.Panel{
			Title: "Cost: audio hours per worker hour", Description: "What an hour of a worker's time brings, over all workers that run, idle ones included. More is cheaper.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []kit.Query{{
				Expr:   kit.Share(speed(kit.Workers), kit.Count(kit.Workers.Of(c.EngineReady))),
				Legend: "all jobs",
			}, {
				Expr: kit.Top(mostLines, kit.Share(speed(kit.Workers, kit.Namespace, kit.Job),
					kit.Count(kit.Workers.Of(c.EngineReady), kit.Namespace, kit.Job))),
				Legend: "{{namespace}}/{{verbatim_job}}",
			}},
		}, Styles: []kit.Style{{Legend: "all jobs", Colour: kit.Grey, Dashed: true}}},
	}
}

func fleetTrouble() panels {
	return panels{
		kit.Graph{Draw: kit.Bars, Panel: kit.Panel{
			Title: "Failed files by reason", Description: "Files that failed for good, at each point of the graph. docs/transcripts.md says what each reason means.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Sum(kit.Increase(kit.Workers.Of(c.FileFailuresTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			Empty: "no file failed",
		}},
		kit.Graph{Draw: kit.Bars, Panel: kit.Panel{
			Title: "Recycles by reason", Description: "Engines that were replaced. Memory, Growth and MaxFiles let files finish; the others cost time. docs/memory.md has the rules.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Sum(kit.Increase(kit.Workers.Of(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			Empty: "no engine was replaced",
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Workers restarted, and killed for memory", Description: "Workers that the operator replaced since nothing else helped, and processes that the kernel killed for memory, since the jobs began. Both should stay at 0.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobRestarts)), Legend: "restarted by the operator"},
				{Expr: kit.Sum(kit.Workers.Of(c.CgroupOomKillsTotal)), Legend: "killed for memory"},
			},
		}},
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "What hinders jobs", Description: "Jobs that are stalled or have failed, by reason. docs/conditions.md says what to do about each.",
			Unit: kit.Number, Width: 24, Height: 7, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{{
				Expr: "count by (" + c.LabelCondition + ", " + c.LabelReason + ") (" + kit.Jobs.Of(c.OperatorJobCondition,
					kit.Like(c.LabelCondition, c.ConditionStalled+"|"+c.ConditionFailed)) + " == 1)",
				Legend: "{{condition}}: {{reason}}",
			}},
			Empty: "no job is hindered",
		}},
	}
}

func fleetOperator() panels {
	by := func(share float64) string {
		return kit.Quantile(share, c.OperatorReconcileSeconds, kit.Everything, c.LabelPart)
	}
	return panels{
		kit.Stat{Plain: true, Panel: kit.Panel{
			Title: "Replicas that lead", Description: "One, and no other number: with none nothing is scheduled, though workers go on.",
			Unit: kit.Number, Width: 4, Height: 8, Base: kit.Red,
			Steps:   []kit.Step{{From: 1, Colour: kit.Green}, {From: 2, Colour: kit.Red}},
			Queries: []kit.Query{{Expr: kit.Sum(c.OperatorLeader) + " or vector(0)", Legend: "leaders"}},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Reconciles", Description: "Looks at jobs in a second, and those that failed, by step.",
			Unit: kit.PerSecond, Width: 7, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.Rate(c.OperatorReconcilesTotal)), Legend: "all"},
				{Expr: kit.Sum(kit.Rate(c.OperatorReconcileErrorsTotal), c.LabelStep), Legend: "failed: {{step}}"},
			},
		}, Styles: []kit.Style{{Legend: "failed.*", Colour: kit.Red}}},
		kit.Graph{Panel: kit.Panel{
			Title: "Time of a reconcile", Description: "all: with waiting for the API server and the workers; own: without.",
			Unit: kit.Seconds, Width: 7, Height: 8, Min: number(0),
			Queries: []kit.Query{{Expr: by(0.5), Legend: "{{part}}, half are quicker"}, {Expr: by(0.99), Legend: "{{part}}, 99 % are quicker"}},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Questions to workers", Description: "The operator asks every worker how far it is. Errors are workers that do not answer: those that go, and those that are ill.",
			Unit: kit.PerSecond, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{{Expr: kit.Sum(kit.Rate(c.OperatorScrapesTotal), c.LabelResult), Legend: "{{result}}"}},
		}, Styles: []kit.Style{{Legend: "error", Colour: kit.Red}, {Legend: "ok", Colour: kit.Green}}},
	}
}
