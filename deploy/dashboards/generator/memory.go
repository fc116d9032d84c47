package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/kit"
)

// Growth that is worth a look, and growth at which engines are replaced by default (recycle.memoryGrowthPerHour): 50 and
// 200 MiB an hour, as VerbatimWorkerMemoryGrowing has it.
const growthLook, growthLimit = 50 << 20, 200 << 20

func memory() kit.Page {
	return kit.Page{
		UID:         kit.MemoryUID,
		Title:       "Verbatim / Memory",
		Description: "Resident memory of every engine over days: how large, how fast it grows, what was done about it, and what leaks where.",
		From:        "now-2d",
		Refresh:     "1m",
		Variables: []cog.Builder[dashboard.VariableModel]{
			kit.Variable("namespace", "Namespace", "Namespaces of workers", c.EngineReady, kit.Namespace, true),
			kit.Variable("verbatim_job", "Job", "TranscriptionJobs",
				c.EngineReady+`{`+kit.Like(kit.Namespace, "$namespace")+`}`, kit.Job, true),
			kit.Variable("worker", "Worker", "Workers' pods", kit.Workers.Of(c.EngineReady), kit.Pod, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{kit.Recycles(true, kit.SomeWorkers, kit.Pod), kit.Alerts()},
		Rows: []kit.Row{
			{Title: "Now", Panels: memoryNow()},
			{Title: "Resident memory", Panels: memoryResident()},
			{Title: "Growth", Panels: memoryGrowth()},
			{Title: "What leaks where", Panels: memoryWhere()},
			{Title: "Recycles", Panels: memoryRecycles()},
		},
	}
}

func bound(value string, by ...string) string {
	return kit.Max(kit.SomeWorkers.Of(c.EngineMemoryGrowthBoundBytesPerHour, kit.Is(c.LabelBound, value)), by...)
}

func memoryNow() panels {
	stat := func(title, description, unit, expr string) kit.Stat {
		return kit.Stat{Panel: kit.Panel{
			Title: title, Description: description, Unit: unit, Width: 4, Height: 4, Base: kit.Blue,
			Queries: []kit.Query{{Expr: expr, Legend: title}},
		}}
	}
	engines := stat("Workers", "Workers that are measured.", kit.Number, kit.Count(kit.SomeWorkers.Of(c.EngineReady)))
	median := stat("Usual engine", "Resident memory of the middle engine: half are larger.", kit.Bytes,
		kit.Across(0.5, kit.SomeWorkers.Of(c.EngineResidentMemoryBytes)))
	largest := stat("Largest engine", "Resident memory of the largest engine.", kit.Bytes, kit.Max(kit.SomeWorkers.Of(c.EngineResidentMemoryBytes)))
	fullest := stat("Fullest container", "Working set of a worker by its limit, of the fullest. The kernel kills at 100 %.", kit.Percent,
		kit.Max(kit.SomeWorkers.Of(c.CgroupMemoryWorkingSetBytes)+" / "+kit.SomeWorkers.Of(c.CgroupMemoryLimitBytes)))
	fullest.Base, fullest.Empty = kit.Green, "no limits"
	fullest.Steps = []kit.Step{{From: 0.8, Colour: kit.Yellow}, {From: 0.95, Colour: kit.Red}}
	growth := stat("Growth in an hour", "Lower end of the 95 % interval of growth in an hour, of the engine that grows fastest: it grows at least so fast. At or below 0 nothing is known to leak.", kit.Bytes,
		bound(c.ValueLower))
	growth.Base, growth.Empty = kit.Green, "too early"
	growth.Steps = []kit.Step{{From: growthLook, Colour: kit.Yellow}, {From: growthLimit, Colour: kit.Red}}
	recycles := stat("Recycles in a day", "Engines that were replaced in the last 24 hours, for whatever reason.", kit.Number,
		kit.Sum("increase("+kit.SomeWorkers.Of(c.EngineRecyclesTotal)+"[1d])"))
	recycles.Plain, recycles.Decimals = true, number(0)
	return panels{engines, median, largest, fullest, growth, recycles}
}

func memoryResident() panels {
	resident := kit.SomeWorkers.Of(c.EngineResidentMemoryBytes)
	return panels{
		kit.Graph{Panel: kit.Panel{
			Title: "Resident memory of every engine", Description: "Of the 20 largest at each moment. Purple marks are recycles: a saw is a leak that is held, a flat line is none.",
			Unit: kit.Bytes, Width: 16, Height: 10, Min: number(0),
			Queries: []kit.Query{{Expr: kit.Top(mostWorkers, kit.Max(resident, kit.Namespace, kit.Job, kit.Pod)), Legend: "{{verbatim_job}}/{{pod}}"}},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "All engines together", Description: "How resident memory is spread over all engines, however many there are.",
			Unit: kit.Bytes, Width: 8, Height: 10, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Max(resident), Legend: "largest"},
				{Expr: kit.Across(0.95, resident), Legend: "95 % are below"},
				{Expr: kit.Across(0.5, resident), Legend: "half are below"},
				{Expr: "min(" + resident + ")", Legend: "smallest"},
			},
		}},
	}
}

func memoryGrowth() panels {
	return panels{
		kit.Graph{Panel: kit.Panel{
			Title: "Growth in an hour, for sure", Description: "Lower end of the 95 % interval of growth, after warm-up, of the 10 engines that grow fastest. Engines are replaced above recycle.memoryGrowthPerHour, 200 MiB unless the job says otherwise (dashed). Young engines are steep by chance, over minutes.",
			Unit: kit.Bytes, Width: 12, Height: 9, Min: number(0),
			Steps:   []kit.Step{{From: growthLook, Colour: kit.Yellow}, {From: growthLimit, Colour: kit.Red}},
			Queries: []kit.Query{{Expr: kit.Top(mostLines, bound(c.ValueLower, kit.Job, kit.Pod)), Legend: "{{verbatim_job}}/{{pod}}"}},
			Empty:   "no engine is warm yet",
		}, Limits: true},
		kit.Graph{Panel: kit.Panel{
			Title: "Growth for an hour of audio", Description: "The same slope by work instead of time, as estimated: a leak for each file keeps its height when workers are idle.",
			Unit: kit.Bytes, Width: 12, Height: 9,
			Queries: []kit.Query{{
				Expr:   kit.Top(mostLines, kit.Max(kit.SomeWorkers.Of(c.EngineMemoryGrowthBytesPerAudioHour), kit.Job, kit.Pod)),
				Legend: "{{verbatim_job}}/{{pod}}",
			}},
			Empty: "no engine is warm yet",
		}},
	}
}

func memoryWhere() panels {
	by := []string{kit.Namespace, kit.Job, kit.Pod}
	among := func(query string) string {
		return query + " and on (" + kit.Namespace + ", " + kit.Pod + ") " +
			kit.Top(mostJobs, kit.SomeWorkers.Of(c.EngineResidentMemoryBytes))
	}
	one := func(metric string, more ...string) string {
		return among(kit.Max(kit.SomeWorkers.Of(metric, more...), by...))
	}
	engine, supervisor := kit.Is(c.LabelProcess, c.ValueEngine), kit.Is(c.LabelProcess, c.ValueSupervisor)
	process := func(metric string, which string) string { return kit.Sum(kit.SomeWorkers.Of(metric, which)) }
	rest := "clamp_min(" + process(c.ProcessAnonymousMemoryBytes, engine) + " - (" +
		kit.Sum(kit.SomeWorkers.Of(c.EngineArenaReservedBytes)) + " or vector(0)), 0)"
	return panels{
		kit.Table{
			Panel: kit.Panel{
				Title:       "Workers with the largest engines",
				Description: "The 50 largest. Growth is an estimate with its 95 % interval; where the lower end is above 0 the engine grows for sure.",
				Width:       24, Height: 9,
			},
			Labels: []kit.Label{
				{Name: kit.Namespace, Title: "Namespace"},
				{Name: kit.Job, Title: "Job", Link: toJob, LinkTitle: "Open the job"},
				{Name: kit.Pod, Title: "Worker", Link: toMemory, LinkTitle: "This worker alone"},
			},
			Columns: []kit.Column{
				{Title: "Resident", Expr: one(c.EngineResidentMemoryBytes), Unit: kit.Bytes, Digits: 1},
				{Title: "Most so far", Expr: one(c.ProcessPeakResidentMemoryBytes, engine), Unit: kit.Bytes, Digits: 1},
				{Title: "Growth/h", Expr: one(c.EngineMemoryGrowthBytesPerHour), Unit: kit.Bytes, Digits: 1},
				{Title: "at least", Expr: one(c.EngineMemoryGrowthBoundBytesPerHour, kit.Is(c.LabelBound, c.ValueLower)), Unit: kit.Bytes, Digits: 1,
					Steps: []kit.Step{{From: growthLook, Colour: kit.Orange}, {From: growthLimit, Colour: kit.Red}}},
				{Title: "at most", Expr: one(c.EngineMemoryGrowthBoundBytesPerHour, kit.Is(c.LabelBound, c.ValueUpper)), Unit: kit.Bytes, Digits: 1},
				{Title: "ORT pools", Expr: one(c.EngineArenaReservedBytes), Unit: kit.Bytes, Digits: 1},
				{Title: "Supervisor", Expr: one(c.ProcessResidentMemoryBytes, supervisor), Unit: kit.Bytes, Digits: 1},
				{Title: "Container", Expr: one(c.CgroupMemoryWorkingSetBytes), Unit: kit.Bytes, Digits: 1},
				{Title: "Recycles", Expr: among(kit.Sum(kit.SomeWorkers.Of(c.EngineRecyclesTotal), by...)), Unit: kit.Number},
			},
			SortBy: "Resident",
		},
		kit.Graph{Draw: kit.Stacked, Panel: kit.Panel{
			Title: "What memory is made of", Description: "All chosen workers added up: ONNX Runtime's pools, what else engines have allocated (a leak outside of the pools shows here), pages of files such as the model, and supervisors.",
			Unit: kit.Bytes, Width: 12, Height: 9, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Sum(kit.SomeWorkers.Of(c.EngineArenaReservedBytes)), Legend: "engines: ONNX Runtime's pools"},
				{Expr: rest, Legend: "engines: other allocations"},
				{Expr: process(c.ProcessResidentMemoryBytes, engine) + " - " + process(c.ProcessAnonymousMemoryBytes, engine), Legend: "engines: pages of files"},
				{Expr: process(c.ProcessResidentMemoryBytes, supervisor), Legend: "supervisors"},
			},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Threads and open files of engines", Description: "The most that any engine has. Both should stay where they are: what else can leak shows here.",
			Unit: kit.Number, Width: 6, Height: 9, Min: number(0), Decimals: number(0),
			Queries: []kit.Query{
				{Expr: kit.Max(kit.SomeWorkers.Of(c.ProcessThreads, engine)), Legend: "threads"},
				{Expr: kit.Max(kit.SomeWorkers.Of(c.ProcessOpenFiles, engine)), Legend: "open files"},
			},
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "Swapped out", Description: "Memory of the chosen workers' processes that is swapped out. It is not resident, and hides growth.",
			Unit: kit.Bytes, Width: 6, Height: 9, Min: number(0),
			Queries: []kit.Query{{Expr: kit.Sum(kit.SomeWorkers.Of(c.ProcessSwappedMemoryBytes), c.LabelProcess), Legend: "{{process}}"}},
		}},
	}
}

func memoryRecycles() panels {
	return panels{
		kit.Graph{Draw: kit.Bars, Panel: kit.Panel{
			Title: "Recycles by reason", Description: "Engines that were replaced, at each point of the graph. docs/memory.md says when each reason applies.",
			Unit: kit.Number, Width: 8, Height: 9, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Sum(kit.Increase(kit.SomeWorkers.Of(c.EngineRecyclesTotal)), c.LabelReason) + " > 0",
				Legend: "{{reason}}",
			}},
			Empty: "no engine was replaced",
		}},
		kit.Graph{Draw: kit.Bars, Panel: kit.Panel{
			Title: "Recycles by worker", Description: "The 10 workers whose engines are replaced most often, at each point of the graph. One worker alone points to its files or its node, all of them to the engine.",
			Unit: kit.Number, Width: 8, Height: 9, Min: number(0),
			Queries: []kit.Query{{
				Expr:   kit.Top(mostLines, kit.Sum(kit.Increase(kit.SomeWorkers.Of(c.EngineRecyclesTotal)), kit.Job, kit.Pod)+" > 0"),
				Legend: "{{verbatim_job}}/{{pod}}",
			}},
			Empty: "no engine was replaced",
		}},
		kit.Graph{Panel: kit.Panel{
			Title: "What a recycle costs", Description: "Time to load a model, and time without an engine at each replacement: 95 % took no longer. Where there is room for two engines the second is next to nothing.",
			Unit: kit.Seconds, Width: 8, Height: 9, Min: number(0),
			Queries: []kit.Query{
				{Expr: kit.Quantile(0.95, c.ModelLoadSeconds, kit.SomeWorkers), Legend: "load: 95 % are below"},
				{Expr: kit.Quantile(0.95, c.EngineGapSeconds, kit.SomeWorkers), Legend: "gap: 95 % are below"},
			},
			Empty: "no engine was replaced",
		}},
	}
}
