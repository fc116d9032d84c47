package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// mostWorkers is how many workers a graph shows, of a thousand maybe.
const mostWorkers = 20

func job() grafana.Dashboard {
	of := func(label, value string) string {
		return c.OperatorJobCondition + "{" + promql.Regexp(label, value) + "}"
	}
	return grafana.Dashboard{
		UID:         grafana.JobUID,
		Title:       "Verbatim / Job",
		Description: "One TranscriptionJob: how far it is, when it will be done, how fast its workers are, and what stands in their way.",
		From:        "now-3h",
		Refresh:     "30s",
		Variables: []cog.Builder[dashboard.VariableModel]{
			grafana.Variable("namespace", "Namespace", "The job's namespace", c.OperatorJobCondition, c.LabelNamespace, false),
			grafana.Variable("verbatim_job", "Job", "The TranscriptionJob", of(c.LabelNamespace, "$namespace"), c.LabelJob, false),
			grafana.Variable("worker", "Worker", "The job's pods", promql.Workers.Select(c.EngineReady), promql.Pod, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{grafana.RecycleAnnotations(true, promql.ChosenWorkers, promql.Pod), grafana.AlertAnnotations()},
		Rows: []grafana.Row{
			{Title: "Now", Panels: jobNow()},
			{Title: "Progress", Panels: jobProgress()},
			{Title: "Speed", Panels: jobSpeed()},
			{Title: "Memory", Panels: jobMemory()},
			{Title: "Model", Panels: jobModel()},
			{Title: "Store and spool", Panels: jobStore()},
		},
	}
}

func jobNow() grafana.Panels {
	stat := func(title, description, unit, expr string) grafana.Stat {
		return grafana.Stat{Panel: grafana.Panel{
			Title: title, Description: description, Unit: unit, Width: 3, Height: 4, BaseColour: grafana.Blue,
			Queries: []grafana.Query{{Expr: expr, Legend: title}},
		}}
	}
	outcomes, left := promql.Sum(promql.Jobs.Select(c.OperatorJobFiles)), promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingFiles))
	done := stat("Done", "Share of the recordings with an outcome, failed ones included.", grafana.Percent,
		promql.Ratio(outcomes, "("+outcomes+" + "+left+")"))
	done.Decimals = number(1)
	rest := stat("Files left", "Recordings without an outcome.", grafana.Number, left)
	end := promql.Max(promql.Jobs.Select(c.OperatorJobEstimatedCompletionTimestampSeconds))
	eta := stat("Time to the end", "Until the job will be done if it goes on as it does.", grafana.Seconds, promql.Remaining(end))
	eta.NoValue = "not known"
	slack := stat("Slack", "From the estimated end to the deadline. Below 0 the job will miss it.", grafana.Seconds,
		promql.Max(promql.Jobs.Select(c.OperatorJobDeadlineTimestampSeconds))+" - "+end)
	slack.BaseColour, slack.Thresholds, slack.NoValue = grafana.Red, []grafana.Threshold{{From: 0, Colour: grafana.Yellow}, {From: 600, Colour: grafana.Green}}, "no deadline"
	fast := stat("Speed-up", "Audio seconds in a second, of all workers, as the operator sees it.", grafana.Number,
		promql.Max(promql.Jobs.Select(c.OperatorJobSpeedUpRatio)))
	fast.Decimals, fast.NoValue = number(1), "not known"
	rtf := stat("RTF of a worker", "Worker seconds for a second of audio, from sums. Lower is faster.", grafana.Number,
		promql.Max(promql.Jobs.Select(c.OperatorJobRealTimeFactor)))
	rtf.Decimals, rtf.NoValue = number(3), "not known"
	workers := stat("Workers", "Workers that take files, and workers that are wanted.", grafana.Number, promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)))
	workers.Queries[0].Legend, workers.NoSparkline = "ready", true
	workers.Queries = append(workers.Queries, grafana.Query{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "wanted"})
	stuck := stat("Stalled", "Whether work should be done, and something hinders it. kubectl describe tj says what.", grafana.Number,
		promql.Max(promql.Jobs.Select(c.OperatorJobCondition, promql.Equal(c.LabelCondition, c.ConditionStalled))))
	stuck.NoSparkline, stuck.BaseColour, stuck.Thresholds = true, grafana.Green, []grafana.Threshold{{From: 1, Colour: grafana.Red}}
	stuck.Mappings = map[string]grafana.Mapping{"0": {Text: "no", Colour: grafana.Green}, "1": {Text: "yes", Colour: grafana.Red}}
	return grafana.Panels{done, rest, eta, slack, fast, rtf, workers, stuck}
}

func jobProgress() grafana.Panels {
	end := promql.Max(promql.Jobs.Select(c.OperatorJobEstimatedCompletionTimestampSeconds))
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Files by outcome", Description: "All recordings of the job: those with an outcome, and those that are left.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobFiles), c.LabelOutcome), Legend: "{{outcome}}"},
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobRemainingFiles)), Legend: "left"},
			},
		}, Overrides: []grafana.Override{
			{Legend: "succeeded", Colour: grafana.Green}, {Legend: "failed", Colour: grafana.Red},
			{Legend: "skipped", Colour: grafana.Blue}, {Legend: "left", Colour: grafana.Dim},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time to the end, and to the deadline", Description: "Both fall by a second a second. Where the end's line is above the deadline's, the job will not make it.",
			Unit: grafana.Seconds, Width: 8, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Remaining(end), Legend: "to the end"},
				{Expr: "clamp_min(" + promql.Max(promql.Jobs.Select(c.OperatorJobDeadlineTimestampSeconds)) + " - time(), 0)", Legend: "to the deadline"},
			},
			NoValue: "neither is known",
		}, Overrides: []grafana.Override{{Legend: "to the deadline", Colour: grafana.Red, Dashed: true}, {Legend: "to the end", Colour: grafana.Blue}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Workers wanted and ready", Description: "docs/scaling.md says how many are wanted and why.",
			Unit: grafana.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersDesired)), Legend: "wanted"},
				{Expr: promql.Sum(promql.Jobs.Select(c.OperatorJobWorkersReady)), Legend: "ready"},
			},
		}, Overrides: []grafana.Override{{Legend: "wanted", Colour: grafana.Orange, Dashed: true}, {Legend: "ready", Colour: grafana.Green}}},
	}
}

func jobSpeed() grafana.Panels {
	rtf := func(share float64, legend string) grafana.Query {
		return grafana.Query{Expr: promql.HistogramQuantile(share, c.FileRealTimeFactor, promql.ChosenWorkers), Legend: legend}
	}
	perMinute := func(selector string, by ...string) string {
		return "60 * " + promql.Sum(promql.Rate(selector), by...)
	}
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Speed-up by worker", Description: "Audio seconds in a second: the 20 fastest workers, and the sum of those that are chosen. Audio counts when its file is done, so that long files make steps.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []grafana.Query{
				{Expr: speed(promql.ChosenWorkers), Legend: "sum"},
				{Expr: promql.TopK(mostWorkers, speed(promql.ChosenWorkers, promql.Pod)), Legend: "{{pod}}"},
			},
		}, Overrides: []grafana.Override{{Legend: "sum", Colour: grafana.Grey, Dashed: true}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "RTF of files", Description: "Processing seconds for a second of audio, from a file's first byte to its last segment; files that run beside others wait for them. Lower is faster; 2 stands for 2 and more.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(3),
			Queries: []grafana.Query{rtf(0.5, "half are below"), rtf(0.9, "90 % are below"), rtf(0.99, "99 % are below")},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Files a minute by outcome", Description: "Files that got their outcome in a minute.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{{Expr: perMinute(promql.ChosenWorkers.Select(c.FilesTotal), c.LabelOutcome), Legend: "{{outcome}}"}},
		}, Overrides: []grafana.Override{
			{Legend: "succeeded", Colour: grafana.Green}, {Legend: "failed", Colour: grafana.Red}, {Legend: "skipped", Colour: grafana.Blue},
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Failed files by reason", Description: "Files that failed for good, at each point of the graph. docs/transcripts.md says what each reason means.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.Sum(promql.Increase(promql.ChosenWorkers.Select(c.FileFailuresTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			NoValue: "no file failed",
		}},
	}
}

func jobMemory() grafana.Panels {
	limit := func(which string) string {
		return promql.Min(promql.ChosenWorkers.Select(c.EngineMemoryLimitBytes, promql.Equal(c.LabelLimit, which)))
	}
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Resident memory of engines, and the limit", Description: "The 20 largest engines, and the least limits: at the soft one an engine is replaced in order, at the hard one it is killed, and at the container's the kernel kills. Purple marks are recycles.",
			Unit: grafana.Bytes, Width: 12, Height: 9, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.TopK(mostWorkers, promql.Max(promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes), promql.Pod)), Legend: "{{pod}}"},
				{Expr: limit(c.ValueSoft), Legend: "soft limit"},
				{Expr: limit(c.ValueHard), Legend: "hard limit"},
				{Expr: promql.Min(promql.ChosenWorkers.Select(c.CgroupMemoryLimitBytes)), Legend: "container's limit"},
			},
		}, Overrides: []grafana.Override{
			{Legend: "soft limit", Colour: grafana.Yellow, Dashed: true}, {Legend: "hard limit", Colour: grafana.Orange, Dashed: true},
			{Legend: "container's limit", Colour: grafana.Red, Dashed: true},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Container memory in use, of its limit", Description: "Working set of the whole worker by its limit, of the 20 fullest workers. The kernel kills at 100 %.",
			Unit: grafana.Percent, Width: 6, Height: 9, Min: number(0), Max: number(1),
			Thresholds: []grafana.Threshold{{From: 0.8, Colour: grafana.Yellow}, {From: 0.95, Colour: grafana.Red}},
			Queries: []grafana.Query{{
				Expr: promql.TopK(mostWorkers, promql.ChosenWorkers.Select(c.CgroupMemoryWorkingSetBytes)+" / "+
					promql.ChosenWorkers.Select(c.CgroupMemoryLimitBytes)),
				Legend: "{{pod}}",
			}},
			NoValue: "no container has a limit",
		}, ThresholdLines: true},
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Recycles by reason", Description: "Engines that were replaced, at each point of the graph.",
			Unit: grafana.Number, Width: 6, Height: 9, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.Sum(promql.Increase(promql.ChosenWorkers.Select(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			NoValue: "no engine was replaced",
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "CUDA memory", Description: "Of the 20 fullest GPUs: what is in use by whomever, what engines use of it, and what there is.",
			Unit: grafana.Bytes, Width: 12, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.TopK(mostWorkers, promql.ChosenWorkers.Select(c.CudaMemoryUsedBytes)), Legend: "{{pod}} GPU {{gpu}}: in use"},
				{Expr: promql.TopK(mostWorkers, promql.ChosenWorkers.Select(c.EngineCudaMemoryUsedBytes)), Legend: "{{pod}} GPU {{gpu}}: by engines"},
				{Expr: promql.Min(promql.ChosenWorkers.Select(c.CudaMemoryTotalBytes)), Legend: "memory of the GPU"},
			},
			NoValue: "no worker has a GPU",
		}, Overrides: []grafana.Override{{Legend: "memory of the GPU", Colour: grafana.Red, Dashed: true}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time without an engine, at each recycle", Description: "Half and 95 % of the replacements took no longer. Next to nothing where there is room for two engines.",
			Unit: grafana.Seconds, Width: 12, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.HistogramQuantile(0.5, c.EngineGapSeconds, promql.ChosenWorkers), Legend: "half are below"},
				{Expr: promql.HistogramQuantile(0.95, c.EngineGapSeconds, promql.ChosenWorkers), Legend: "95 % are below"},
			},
			NoValue: "no engine was replaced",
		}},
	}
}

func jobModel() grafana.Panels {
	padding, segments := promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.PaddingSecondsTotal))), promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.SegmentSecondsTotal)))
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Batch padding", Description: "Padding's share of what goes through the model. On a CPU there is none; on a GPU a fifth is usual.",
			Unit: grafana.Percent, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Ratio(padding, "("+padding+" + "+segments+")"), Legend: "of all audio"},
				{Expr: promql.HistogramQuantile(0.95, c.BatchPaddingRatio, promql.ChosenWorkers), Legend: "95 % of batches are below"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Queue wait", Description: "How long files wait for an engine, and segments for the model.",
			Unit: grafana.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.HistogramQuantile(0.5, c.FileQueueSeconds, promql.ChosenWorkers), Legend: "files: half are below"},
				{Expr: promql.HistogramQuantile(0.95, c.FileQueueSeconds, promql.ChosenWorkers), Legend: "files: 95 % are below"},
				{Expr: promql.Ratio(promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.SegmentWaitSecondsTotal))),
					promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.SegmentsTotal)))), Legend: "segments: mean"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Time in the model, by worker", Description: "Seconds in the model in a second, all lanes added up, of the 20 busiest workers: at the number of threads, the model is what limits.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(2),
			Queries: []grafana.Query{{
				Expr: promql.TopK(mostWorkers, promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.InferenceSecondsTotal)), promql.Pod)), Legend: "{{pod}}",
			}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Batch budget", Description: "Seconds of segments that may be in the model at once: halved where memory runs out, grows back slowly.",
			Unit: grafana.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Min(promql.ChosenWorkers.Select(c.BatchBudgetSeconds)), Legend: "least"},
				{Expr: promql.Max(promql.ChosenWorkers.Select(c.BatchBudgetSeconds)), Legend: "most"},
			},
		}},
	}
}

func jobStore() grafana.Panels {
	requests := promql.ChosenWorkers.Select(c.StoreRequestSeconds + "_count")
	latency := func(share float64, legend string) grafana.Query {
		return grafana.Query{Expr: promql.HistogramQuantile(share, c.StoreRequestSeconds, promql.ChosenWorkers, c.LabelOperation), Legend: legend}
	}
	errors := promql.ChosenWorkers.Select(c.StoreRequestSeconds+"_count", `code!~"ok|NotFound|PreconditionFailed"`)
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Store requests", Description: "Requests to the store, by what was asked.",
			Unit: grafana.Requests, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{{Expr: promql.Sum(promql.Rate(requests), c.LabelOperation), Legend: "{{operation}}"}},
			NoValue: "no store is asked",
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Store latency", Description: "Time until the store's answer began: half and 99 % of the requests took no longer.",
			Unit: grafana.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{latency(0.5, "{{operation}}: half"), latency(0.99, "{{operation}}: 99 %")},
			NoValue: "no store is asked",
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Store errors", Description: "Answers that are neither ok nor part of the protocol (NotFound and PreconditionFailed are: claims are raced for).",
			Unit: grafana.Requests, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.OrZero(promql.Sum(promql.Rate(errors)), promql.Sum(promql.Rate(requests))), Legend: "all errors"},
				{Expr: promql.Sum(promql.Rate(errors), c.LabelCode), Legend: "{{code}}"},
			},
			NoValue: "no store is asked",
		}, Overrides: []grafana.Override{{Legend: "all errors", Colour: grafana.Red}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Spool", Description: "Room that recordings take which were fetched ahead of the engines, of the 20 fullest spools, and the room that there is. A spool that is always empty means that the store is what limits.",
			Unit: grafana.Bytes, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.TopK(mostWorkers, promql.Max(promql.ChosenWorkers.Select(c.SpoolBytes), promql.Pod)), Legend: "{{pod}}"},
				{Expr: promql.Min(promql.ChosenWorkers.Select(c.SpoolLimitBytes)), Legend: "limit"},
			},
			NoValue: "no store is asked",
		}, Overrides: []grafana.Override{{Legend: "limit", Colour: grafana.Red, Dashed: true}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Files in the spool and in flight", Description: "Recordings that were fetched ahead, and those that engines work on, of all chosen workers.",
			Unit: grafana.Number, Width: 12, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.ChosenWorkers.Select(c.SpoolFiles)), Legend: "in the spool"},
				{Expr: promql.Sum(promql.ChosenWorkers.Select(c.FilesInFlight)), Legend: "in flight"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Processors", Description: "Processors' seconds in a second, of all chosen workers: engines transcribe, supervisors talk to the store.",
			Unit: grafana.Number, Width: 12, Height: 8, Min: number(0), Decimals: number(2),
			Queries: []grafana.Query{{Expr: promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.ProcessCpuSecondsTotal)), c.LabelProcess), Legend: "{{process}}s"}},
		}},
	}
}
