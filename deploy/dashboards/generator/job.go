package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/kit"
)

// mostWorkers is how many workers a graph shows, of a thousand maybe.
const mostWorkers = 20

func job() kit.Page {
	of := func(label, value string) string { return c.OperatorJobCondition + "{" + kit.Like(label, value) + "}" }
	return kit.Page{
		UID:         kit.JobUID,
		Title:       "Verbatim / Job",
		Description: "One TranscriptionJob: how far it is, when it will be done, how fast its workers are, and what stands in their way.",
		From:        "now-3h",
		Refresh:     "30s",
		Variables: []cog.Builder[dashboard.VariableModel]{
			kit.Variable("namespace", "Namespace", "The job's namespace", c.OperatorJobCondition, c.LabelNamespace, false),
			kit.Variable("verbatim_job", "Job", "The TranscriptionJob", of(c.LabelNamespace, "$namespace"), c.LabelJob, false),
			kit.Variable("worker", "Worker", "The job's pods", kit.Workers.Of(c.EngineReady), kit.Pod, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{kit.Recycles(true, kit.SomeWorkers, kit.Pod), kit.Alerts()},
		Rows: []kit.Row{
			{Title: "Now", Panels: jobNow()},
			{Title: "Progress", Panels: jobProgress()},
			{Title: "Speed", Panels: jobSpeed()},
			{Title: "Memory", Panels: jobMemory()},
			{Title: "Model", Panels: jobModel()},
			{Title: "Store and spool", Panels: jobStore()},
		},
	}
}

func jobNow() panels {
	stat := func(title, description, unit, expr string) kit.Stat {
		return kit.Stat{Panel: kit.Panel{
			Title: title, Description: description, Unit: unit, Width: 3, Height: 4, Base: kit.Blue,
			Queries: []kit.Query{{Expr: expr, Legend: title}},
		}}
	}
	outcomes, left := kit.Sum(kit.Jobs.Of(c.OperatorJobFiles)), kit.Sum(kit.Jobs.Of(c.OperatorJobRemainingFiles))
	done := stat("Done", "Share of the recordings with an outcome, failed ones included.", kit.Percent,
		kit.Share(outcomes, "("+outcomes+" + "+left+")"))
	done.Decimals = number(1)
	rest := stat("Files left", "Recordings without an outcome.", kit.Number, left)
	end := kit.Max(kit.Jobs.Of(c.OperatorJobEstimatedCompletionTimestampSeconds))
	eta := stat("Time to the end", "Until the job will be done if it goes on as it does.", kit.Seconds, "clamp_min("+end+" - time(), 0)")
	eta.Empty = "not known"
	slack := stat("Slack", "From the estimated end to the deadline. Below 0 the job will miss it.", kit.Seconds,
		kit.Max(kit.Jobs.Of(c.OperatorJobDeadlineTimestampSeconds))+" - "+end)
	slack.Base, slack.Steps, slack.Empty = kit.Red, []kit.Step{{From: 0, Colour: kit.Yellow}, {From: 600, Colour: kit.Green}}, "no deadline"
	fast := stat("Speed-up", "Audio seconds in a second, of all workers, as the operator sees it.", kit.Number,
		kit.Max(kit.Jobs.Of(c.OperatorJobSpeedUpRatio)))
	fast.Decimals, fast.Empty = number(1), "not known"
	rtf := stat("RTF of a worker", "Worker seconds for a second of audio, from sums. Lower is faster.", kit.Number,
		kit.Max(kit.Jobs.Of(c.OperatorJobRealTimeFactor)))
	rtf.Decimals, rtf.Empty = number(3), "not known"
	workers := stat("Workers", "Workers that take files, and workers that are wanted.", kit.Number, kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersReady)))
	workers.Queries[0].Legend, workers.Plain = "ready", true
	workers.Queries = append(workers.Queries, kit.Query{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersDesired)), Legend: "wanted"})
	stuck := stat("Stalled", "Whether work should be done, and something hinders it. kubectl describe tj says what.", kit.Number,
		kit.Max(kit.Jobs.Of(c.OperatorJobCondition, kit.Is(c.LabelCondition, c.ConditionStalled))))
	stuck.Plain, stuck.Base, stuck.Steps = true, kit.Green, []kit.Step{{From: 1, Colour: kit.Red}}
	stuck.Words = map[string]kit.Word{"0": {Text: "no", Colour: kit.Green}, "1": {Text: "yes", Colour: kit.Red}}
	return panels{done, rest, eta, slack, fast, rtf, workers, stuck}
}

func jobProgress() panels {
	end := kit.Max(kit.Jobs.Of(c.OperatorJobEstimatedCompletionTimestampSeconds))
	return panels{
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "Files by outcome", Description: "All recordings of the job: those with an outcome, and those that are left.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobFiles), c.LabelOutcome), Legend: "{{outcome}}"},
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobRemainingFiles)), Legend: "left"},
			},
		}, Styles: []kit.Style{
			{Legend: "succeeded", Colour: kit.Green}, {Legend: "failed", Colour: kit.Red},
			{Legend: "skipped", Colour: kit.Blue}, {Legend: "left", Colour: "#808080"},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Time to the end, and to the deadline", Description: "Both fall by a second a second. Where the end's line is above the deadline's, the job will not make it.",
			Unit: kit.Seconds, Width: 8, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: "clamp_min(" + end + " - time(), 0)", Legend: "to the end"},
				{Expr: "clamp_min(" + kit.Max(kit.Jobs.Of(c.OperatorJobDeadlineTimestampSeconds)) + " - time(), 0)", Legend: "to the deadline"},
			},
			Empty: "neither is known",
		}, Styles: []kit.Style{{Legend: "to the deadline", Colour: kit.Red, Dashed: true}, {Legend: "to the end", Colour: kit.Blue}}},
		kit.Graph{Panel: kit.Panel{
			Title: "Workers wanted and ready", Description: "docs/scaling.md says how many are wanted and why.",
			Unit: kit.Number, Width: 8, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersDesired)), Legend: "wanted"},
				{Expr: kit.Sum(kit.Jobs.Of(c.OperatorJobWorkersReady)), Legend: "ready"},
			},
		}, Styles: []kit.Style{{Legend: "wanted", Colour: kit.Orange, Dashed: true}, {Legend: "ready", Colour: kit.Green}}},
	}
}

func jobSpeed() panels {
	rtf := func(share float64, legend string) kit.Query {
		return kit.Query{Expr: kit.Quantile(share, c.FileRealTimeFactor, kit.SomeWorkers), Legend: legend}
	}
	perMinute := func(selector string, by ...string) string {
		return "60 * " + kit.Sum(kit.Rate(selector), by...)
	}
	return panels{
		kit.Graph{Panel: kit.Panel{
			Title: "Speed-up by worker", Description: "Audio seconds in a second: the 20 fastest workers, and the sum of those that are chosen. Audio counts when its file is done, so that long files make steps.",
			Unit: kit.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(1),
			Queries: []kit.Query{
				{Expr: speed(kit.SomeWorkers), Legend: "sum"},
				{Expr: kit.Top(mostWorkers, speed(kit.SomeWorkers, kit.Pod)), Legend: "{{pod}}"},
			},
		}, Styles: []kit.Style{{Legend: "sum", Colour: kit.Grey, Dashed: true}}},
		kit.Graph{Panel: kit.Panel{
			Title: "RTF of files", Description: "Processing seconds for a second of audio, from a file's first byte to its last segment; files that run beside others wait for them. Lower is faster; 2 stands for 2 and more.",
			Unit: kit.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(3),
			Queries: []kit.Query{rtf(0.5, "half are below"), rtf(0.9, "90 % are below"), rtf(0.99, "99 % are below")},
		}},
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "Files a minute by outcome", Description: "Files that got their outcome in a minute.",
			Unit: kit.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{{Expr: perMinute(kit.SomeWorkers.Of(c.FilesTotal), c.LabelOutcome), Legend: "{{outcome}}"}},
		}, Styles: []kit.Style{
			{Legend: "succeeded", Colour: kit.Green}, {Legend: "failed", Colour: kit.Red}, {Legend: "skipped", Colour: kit.Blue},
		}},
		kit.Graph{Draw: kit.Bars, Panel: kit.Panel{
			Title: "Failed files by reason", Description: "Files that failed for good, at each point of the graph. docs/transcripts.md says what each reason means.",
			Unit: kit.Number, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Sum(kit.Increase(kit.SomeWorkers.Of(c.FileFailuresTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			Empty: "no file failed",
		}},
	}
}

func jobMemory() panels {
	limit := func(which string) string {
		return "min(" + kit.SomeWorkers.Of(c.EngineMemoryLimitBytes, kit.Is(c.LabelLimit, which)) + ")"
	}
	return panels{
		kit.Graph{Panel: kit.Panel{
			Title: "Resident memory of engines, and the limit", Description: "The 20 largest engines, and the least limits: at the soft one an engine is replaced in order, at the hard one it is killed, and at the container's the kernel kills. Purple marks are recycles.",
			Unit: kit.Bytes, Width: 12, Height: 9, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Top(mostWorkers, kit.Max(kit.SomeWorkers.Of(c.EngineResidentMemoryBytes), kit.Pod)), Legend: "{{pod}}"},
				{Expr: limit(c.ValueSoft), Legend: "soft limit"},
				{Expr: limit(c.ValueHard), Legend: "hard limit"},
				{Expr: "min(" + kit.SomeWorkers.Of(c.CgroupMemoryLimitBytes) + ")", Legend: "container's limit"},
			},
		}, Styles: []kit.Style{
			{Legend: "soft limit", Colour: kit.Yellow, Dashed: true}, {Legend: "hard limit", Colour: kit.Orange, Dashed: true},
			{Legend: "container's limit", Colour: kit.Red, Dashed: true},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Container memory in use, of its limit", Description: "Working set of the whole worker by its limit, of the 20 fullest workers. The kernel kills at 100 %.",
			Unit: kit.Percent, Width: 6, Height: 9, Min: number(0), Max: number(1),
			Steps: []kit.Step{{From: 0.8, Colour: kit.Yellow}, {From: 0.95, Colour: kit.Red}},
			Queries: []kit.Query{{
				Expr: kit.Top(mostWorkers, kit.SomeWorkers.Of(c.CgroupMemoryWorkingSetBytes)+" / "+
					kit.SomeWorkers.Of(c.CgroupMemoryLimitBytes)),
				Legend: "{{pod}}",
			}},
			Empty: "no container has a limit",
		}, Limits: true},
		kit.Graph{Draw: kit.Bars, Panel: kit.Panel{
			Title: "Recycles by reason", Description: "Engines that were replaced, at each point of the graph.",
			Unit: kit.Number, Width: 6, Height: 9, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Sum(kit.Increase(kit.SomeWorkers.Of(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			Empty: "no engine was replaced",
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "CUDA memory", Description: "Of the 20 fullest GPUs: what is in use by whomever, what engines use of it, and what there is.",
			Unit: kit.Bytes, Width: 12, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Top(mostWorkers, kit.SomeWorkers.Of(c.CudaMemoryUsedBytes)), Legend: "{{pod}} GPU {{gpu}}: in use"},
				{Expr: kit.Top(mostWorkers, kit.SomeWorkers.Of(c.EngineCudaMemoryUsedBytes)), Legend: "{{pod}} GPU {{gpu}}: by engines"},
				{Expr: "min(" + kit.SomeWorkers.Of(c.CudaMemoryTotalBytes) + ")", Legend: "memory of the GPU"},
			},
			Empty: "no worker has a GPU",
		}, Styles: []kit.Style{{Legend: "memory of the GPU", Colour: kit.Red, Dashed: true}}},
		kit.Graph{Panel: kit.Panel{
			Title: "Time without an engine, at each recycle", Description: "Half and 95 % of the replacements took no longer. Next to nothing where there is room for two engines.",
			Unit: kit.Seconds, Width: 12, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Quantile(0.5, c.EngineGapSeconds, kit.SomeWorkers), Legend: "half are below"},
				{Expr: kit.Quantile(0.95, c.EngineGapSeconds, kit.SomeWorkers), Legend: "95 % are below"},
			},
			Empty: "no engine was replaced",
		}},
	}
}

func jobModel() panels {
	padding, segments := kit.Sum(kit.Rate(kit.SomeWorkers.Of(c.PaddingSecondsTotal))), kit.Sum(kit.Rate(kit.SomeWorkers.Of(c.SegmentSecondsTotal)))
	return panels{
		kit.Graph{Panel: kit.Panel{
			Title: "Batch padding", Description: "Padding's share of what goes through the model. On a CPU there is none; on a GPU a fifth is usual.",
			Unit: kit.Percent, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Share(padding, "("+padding+" + "+segments+")"), Legend: "of all audio"},
				{Expr: kit.Quantile(0.95, c.BatchPaddingRatio, kit.SomeWorkers), Legend: "95 % of batches are below"},
			},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Queue wait", Description: "How long files wait for an engine, and segments for the model.",
			Unit: kit.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Quantile(0.5, c.FileQueueSeconds, kit.SomeWorkers), Legend: "files: half are below"},
				{Expr: kit.Quantile(0.95, c.FileQueueSeconds, kit.SomeWorkers), Legend: "files: 95 % are below"},
				{Expr: kit.Share(kit.Sum(kit.Rate(kit.SomeWorkers.Of(c.SegmentWaitSecondsTotal))),
					kit.Sum(kit.Rate(kit.SomeWorkers.Of(c.SegmentsTotal)))), Legend: "segments: mean"},
			},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Time in the model, by worker", Description: "Seconds in the model in a second, all lanes added up, of the 20 busiest workers: at the number of threads, the model is what limits.",
			Unit: kit.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(2),
			Queries: []kit.Query{{
				Expr: kit.Top(mostWorkers, kit.Sum(kit.Rate(kit.SomeWorkers.Of(c.InferenceSecondsTotal)), kit.Pod)), Legend: "{{pod}}",
			}},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Batch budget", Description: "Seconds of segments that may be in the model at once: halved where memory runs out, grows back slowly.",
			Unit: kit.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: "min(" + kit.SomeWorkers.Of(c.BatchBudgetSeconds) + ")", Legend: "least"},
				{Expr: kit.Max(kit.SomeWorkers.Of(c.BatchBudgetSeconds)), Legend: "most"},
			},
		}},
	}
}

func jobStore() panels {
	requests := kit.SomeWorkers.Of(c.StoreRequestSeconds + "_count")
	latency := func(share float64, legend string) kit.Query {
		return kit.Query{Expr: kit.Quantile(share, c.StoreRequestSeconds, kit.SomeWorkers, c.LabelOperation), Legend: legend}
	}
	errors := kit.SomeWorkers.Of(c.StoreRequestSeconds+"_count", `code!~"ok|NotFound|PreconditionFailed"`)
	return panels{
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "Store requests", Description: "Requests to the store, by what was asked.",
			Unit: kit.Requests, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{{Expr: kit.Sum(kit.Rate(requests), c.LabelOperation), Legend: "{{operation}}"}},
			Empty:   "no store is asked",
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Store latency", Description: "Time until the store's answer began: half and 99 % of the requests took no longer.",
			Unit: kit.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{latency(0.5, "{{operation}}: half"), latency(0.99, "{{operation}}: 99 %")},
			Empty:   "no store is asked",
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Store errors", Description: "Answers that are neither ok nor part of the protocol (NotFound and PreconditionFailed are: claims are raced for).",
			Unit: kit.Requests, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.OrNone(kit.Sum(kit.Rate(errors)), kit.Sum(kit.Rate(requests))), Legend: "all errors"},
				{Expr: kit.Sum(kit.Rate(errors), c.LabelCode), Legend: "{{code}}"},
			},
			Empty: "no store is asked",
		}, Styles: []kit.Style{{Legend: "all errors", Colour: kit.Red}}},
		kit.Graph{Panel: kit.Panel{
			Title: "Spool", Description: "Room that recordings take which were fetched ahead of the engines, of the 20 fullest spools, and the room that there is. A spool that is always empty means that the store is what limits.",
			Unit: kit.Bytes, Width: 6, Height: 8, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Top(mostWorkers, kit.Max(kit.SomeWorkers.Of(c.SpoolBytes), kit.Pod)), Legend: "{{pod}}"},
				{Expr: "min(" + kit.SomeWorkers.Of(c.SpoolLimitBytes) + ")", Legend: "limit"},
			},
			Empty: "no store is asked",
		}, Styles: []kit.Style{{Legend: "limit", Colour: kit.Red, Dashed: true}}},
		kit.Graph{Panel: kit.Panel{
			Title: "Files in the spool and in flight", Description: "Recordings that were fetched ahead, and those that engines work on, of all chosen workers.",
			Unit: kit.Number, Width: 12, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.SomeWorkers.Of(c.SpoolFiles)), Legend: "in the spool"},
				{Expr: kit.Sum(kit.SomeWorkers.Of(c.FilesInFlight)), Legend: "in flight"},
			},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Processors", Description: "Processors' seconds in a second, of all chosen workers: engines transcribe, supervisors talk to the store.",
			Unit: kit.Number, Width: 12, Height: 8, Min: number(0), Decimals: number(2),
			Queries: []kit.Query{{Expr: kit.Sum(kit.Rate(kit.SomeWorkers.Of(c.ProcessCpuSecondsTotal)), c.LabelProcess), Legend: "{{process}}s"}},
		}},
	}
}
