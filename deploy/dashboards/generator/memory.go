package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// Growth that is worth a look, and growth at which engines are replaced by default (recycle.memoryGrowthPerHour): 50 and
// 200 MiB an hour, as VerbatimWorkerMemoryGrowing has it.
const growthLook, growthLimit = 50 << 20, 200 << 20

func memory() grafana.Dashboard {
	return grafana.Dashboard{
		UID:         grafana.MemoryUID,
		Title:       "Verbatim / Memory",
		Description: "Resident memory of every engine over days: how large, how fast it grows, what was done about it, and what leaks where.",
		From:        "now-2d",
		Refresh:     "1m",
		Variables: []cog.Builder[dashboard.VariableModel]{
			grafana.Variable("namespace", "Namespace", "Namespaces of workers", c.EngineReady, promql.Namespace, true),
			grafana.Variable("verbatim_job", "Job", "TranscriptionJobs",
				c.EngineReady+`{`+promql.Regexp(promql.Namespace, "$namespace")+`}`, promql.Job, true),
			grafana.Variable("worker", "Worker", "Workers' pods", promql.Workers.Select(c.EngineReady), promql.Pod, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{grafana.RecycleAnnotations(true, promql.ChosenWorkers, promql.Pod), grafana.AlertAnnotations()},
		Rows: []grafana.Row{
			{Title: "Now", Panels: memoryNow()},
			{Title: "Resident memory", Panels: memoryResident()},
			{Title: "Growth", Panels: memoryGrowth()},
			{Title: "What leaks where", Panels: memoryWhere()},
			{Title: "Recycles", Panels: memoryRecycles()},
		},
	}
}

func bound(value string, by ...string) string {
	return promql.Max(promql.ChosenWorkers.Select(c.EngineMemoryGrowthBoundBytesPerHour, promql.Equal(c.LabelBound, value)), by...)
}

func memoryNow() grafana.Panels {
	stat := func(title, description, unit, expr string) grafana.Stat {
		return grafana.Stat{Panel: grafana.Panel{
			Title: title, Description: description, Unit: unit, Width: 4, Height: 4, BaseColour: grafana.Blue,
			Queries: []grafana.Query{{Expr: expr, Legend: title}},
		}}
	}
	engines := stat("Workers", "Workers that are measured.", grafana.Number, promql.Count(promql.ChosenWorkers.Select(c.EngineReady)))
	median := stat("Usual engine", "Resident memory of the middle engine: half are larger.", grafana.Bytes,
		promql.Quantile(0.5, promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes)))
	largest := stat("Largest engine", "Resident memory of the largest engine.", grafana.Bytes, promql.Max(promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes)))
	fullest := stat("Fullest container", "Working set of a worker by its limit, of the fullest. The kernel kills at 100 %.", grafana.Percent,
		promql.Max(promql.ChosenWorkers.Select(c.CgroupMemoryWorkingSetBytes)+" / "+promql.ChosenWorkers.Select(c.CgroupMemoryLimitBytes)))
	fullest.BaseColour, fullest.NoValue = grafana.Green, "no limits"
	fullest.Thresholds = []grafana.Threshold{{From: 0.8, Colour: grafana.Yellow}, {From: 0.95, Colour: grafana.Red}}
	growth := stat("Growth in an hour", "Lower end of the 95 % interval of growth in an hour, of the engine that grows fastest: it grows at least so fast. At or below 0 nothing is known to leak.", grafana.Bytes,
		bound(c.ValueLower))
	growth.BaseColour, growth.NoValue = grafana.Green, "too early"
	growth.Thresholds = []grafana.Threshold{{From: growthLook, Colour: grafana.Yellow}, {From: growthLimit, Colour: grafana.Red}}
	recycles := stat("Recycles in a day", "Engines that were replaced in the last 24 hours, for whatever reason.", grafana.Number,
		promql.Sum("increase("+promql.ChosenWorkers.Select(c.EngineRecyclesTotal)+"[1d])"))
	recycles.NoSparkline, recycles.Decimals = true, number(0)
	return grafana.Panels{engines, median, largest, fullest, growth, recycles}
}

func memoryResident() grafana.Panels {
	resident := promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes)
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Resident memory of every engine", Description: "Of the 20 largest at each moment. Purple marks are recycles: a saw is a leak that is held, a flat line is none.",
			Unit: grafana.Bytes, Width: 16, Height: 10, Min: number(0),
			Queries: []grafana.Query{{Expr: promql.TopK(mostWorkers, promql.Max(resident, promql.Namespace, promql.Job, promql.Pod)), Legend: "{{verbatim_job}}/{{pod}}"}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "All engines together", Description: "How resident memory is spread over all engines, however many there are.",
			Unit: grafana.Bytes, Width: 8, Height: 10, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Max(resident), Legend: "largest"},
				{Expr: promql.Quantile(0.95, resident), Legend: "95 % are below"},
				{Expr: promql.Quantile(0.5, resident), Legend: "half are below"},
				{Expr: "min(" + resident + ")", Legend: "smallest"},
			},
		}},
	}
}

func memoryGrowth() grafana.Panels {
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Growth in an hour, for sure", Description: "Lower end of the 95 % interval of growth, after warm-up, of the 10 engines that grow fastest. Engines are replaced above recycle.memoryGrowthPerHour, 200 MiB unless the job says otherwise (dashed). Young engines are steep by chance, over minutes.",
			Unit: grafana.Bytes, Width: 12, Height: 9, Min: number(0),
			Thresholds: []grafana.Threshold{{From: growthLook, Colour: grafana.Yellow}, {From: growthLimit, Colour: grafana.Red}},
			Queries:    []grafana.Query{{Expr: promql.TopK(mostLines, bound(c.ValueLower, promql.Job, promql.Pod)), Legend: "{{verbatim_job}}/{{pod}}"}},
			NoValue:    "no engine is warm yet",
		}, ThresholdLines: true},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Growth for an hour of audio", Description: "The same slope by work instead of time, as estimated: a leak for each file keeps its height when workers are idle.",
			Unit: grafana.Bytes, Width: 12, Height: 9,
			Queries: []grafana.Query{{
				Expr:   promql.TopK(mostLines, promql.Max(promql.ChosenWorkers.Select(c.EngineMemoryGrowthBytesPerAudioHour), promql.Job, promql.Pod)),
				Legend: "{{verbatim_job}}/{{pod}}",
			}},
			NoValue: "no engine is warm yet",
		}},
	}
}

func memoryWhere() grafana.Panels {
	by := []string{promql.Namespace, promql.Job, promql.Pod}
	among := func(query string) string {
		return query + " and on (" + promql.Namespace + ", " + promql.Pod + ") " +
			promql.TopK(mostJobs, promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes))
	}
	one := func(metric string, more ...string) string {
		return among(promql.Max(promql.ChosenWorkers.Select(metric, more...), by...))
	}
	engine, supervisor := promql.Equal(c.LabelProcess, c.ValueEngine), promql.Equal(c.LabelProcess, c.ValueSupervisor)
	process := func(metric string, which string) string {
		return promql.Sum(promql.ChosenWorkers.Select(metric, which))
	}
	rest := "clamp_min(" + process(c.ProcessAnonymousMemoryBytes, engine) + " - (" +
		promql.Sum(promql.ChosenWorkers.Select(c.EngineArenaReservedBytes)) + " or vector(0)), 0)"
	return grafana.Panels{
		grafana.Table{
			Panel: grafana.Panel{
				Title:       "Workers with the largest engines",
				Description: "The 50 largest. Growth is an estimate with its 95 % interval; where the lower end is above 0 the engine grows for sure.",
				Width:       24, Height: 9,
			},
			Labels: []grafana.Label{
				{Name: promql.Namespace, Title: "Namespace"},
				{Name: promql.Job, Title: "Job", Link: toJob, LinkTitle: "Open the job"},
				{Name: promql.Pod, Title: "Worker", Link: toMemory, LinkTitle: "This worker alone"},
			},
			Columns: []grafana.Column{
				{Title: "Resident", Expr: one(c.EngineResidentMemoryBytes), Unit: grafana.Bytes, Decimals: 1},
				{Title: "Most so far", Expr: one(c.ProcessPeakResidentMemoryBytes, engine), Unit: grafana.Bytes, Decimals: 1},
				{Title: "Growth/h", Expr: one(c.EngineMemoryGrowthBytesPerHour), Unit: grafana.Bytes, Decimals: 1},
				{Title: "at least", Expr: one(c.EngineMemoryGrowthBoundBytesPerHour, promql.Equal(c.LabelBound, c.ValueLower)), Unit: grafana.Bytes, Decimals: 1,
					Thresholds: []grafana.Threshold{{From: growthLook, Colour: grafana.Orange}, {From: growthLimit, Colour: grafana.Red}}},
				{Title: "at most", Expr: one(c.EngineMemoryGrowthBoundBytesPerHour, promql.Equal(c.LabelBound, c.ValueUpper)), Unit: grafana.Bytes, Decimals: 1},
				{Title: "ORT pools", Expr: one(c.EngineArenaReservedBytes), Unit: grafana.Bytes, Decimals: 1},
				{Title: "Supervisor", Expr: one(c.ProcessResidentMemoryBytes, supervisor), Unit: grafana.Bytes, Decimals: 1},
				{Title: "Container", Expr: one(c.CgroupMemoryWorkingSetBytes), Unit: grafana.Bytes, Decimals: 1},
				{Title: "Recycles", Expr: among(promql.Sum(promql.ChosenWorkers.Select(c.EngineRecyclesTotal), by...)), Unit: grafana.Number},
			},
			SortBy: "Resident",
		},
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "What memory is made of", Description: "All chosen workers added up: ONNX Runtime's pools, what else engines have allocated (a leak outside of the pools shows here), pages of files such as the model, and supervisors.",
			Unit: grafana.Bytes, Width: 12, Height: 9, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.ChosenWorkers.Select(c.EngineArenaReservedBytes)), Legend: "engines: ONNX Runtime's pools"},
				{Expr: rest, Legend: "engines: other allocations"},
				{Expr: process(c.ProcessResidentMemoryBytes, engine) + " - " + process(c.ProcessAnonymousMemoryBytes, engine), Legend: "engines: pages of files"},
				{Expr: process(c.ProcessResidentMemoryBytes, supervisor), Legend: "supervisors"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Threads and open files of engines", Description: "The most that any engine has. Both should stay where they are: what else can leak shows here.",
			Unit: grafana.Number, Width: 6, Height: 9, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Max(promql.ChosenWorkers.Select(c.ProcessThreads, engine)), Legend: "threads"},
				{Expr: promql.Max(promql.ChosenWorkers.Select(c.ProcessOpenFiles, engine)), Legend: "open files"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Swapped out", Description: "Memory of the chosen workers' processes that is swapped out. It is not resident, and hides growth.",
			Unit: grafana.Bytes, Width: 6, Height: 9, Min: number(0),
			Queries: []grafana.Query{{Expr: promql.Sum(promql.ChosenWorkers.Select(c.ProcessSwappedMemoryBytes), c.LabelProcess), Legend: "{{process}}"}},
		}},
	}
}

func memoryRecycles() grafana.Panels {
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Recycles by reason", Description: "Engines that were replaced, at each point of the graph. docs/memory.md says when each reason applies.",
			Unit: grafana.Number, Width: 8, Height: 9, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.Sum(promql.Increase(promql.ChosenWorkers.Select(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			NoValue: "no engine was replaced",
		}},
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Recycles by worker", Description: "The 10 workers whose engines are replaced most often, at each point of the graph. One worker alone points to its files or its node, all of them to the engine.",
			Unit: grafana.Number, Width: 8, Height: 9, Min: number(0),
			Queries: []grafana.Query{{
				Expr:   promql.TopK(mostLines, promql.Sum(promql.Increase(promql.ChosenWorkers.Select(c.EngineRecyclesTotal)), promql.Job, promql.Pod)+" > 0"),
				Legend: "{{verbatim_job}}/{{pod}}",
			}},
			NoValue: "no engine was replaced",
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "What a recycle costs", Description: "Time to load a model, and time without an engine at each replacement: 95 % took no longer. Where there is room for two engines the second is next to nothing.",
			Unit: grafana.Seconds, Width: 8, Height: 9, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.HistogramQuantile(0.95, c.ModelLoadSeconds, promql.ChosenWorkers), Legend: "load: 95 % are below"},
				{Expr: promql.HistogramQuantile(0.95, c.EngineGapSeconds, promql.ChosenWorkers), Legend: "gap: 95 % are below"},
			},
			NoValue: "no engine was replaced",
		}},
	}
}
