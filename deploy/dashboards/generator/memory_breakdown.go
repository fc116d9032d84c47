package main

import (
	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

var (
	ofEngine     = promql.Equal(c.LabelProcess, c.ValueEngine)
	ofSupervisor = promql.Equal(c.LabelProcess, c.ValueSupervisor)
)

func memoryBreakdown() grafana.Panels {
	sum := func(metric string, matchers ...string) string {
		return promql.Sum(promql.ChosenWorkers.Select(metric, matchers...))
	}
	arenas := sum(c.EngineArenaReservedBytes)
	anonymous := sum(c.ProcessAnonymousMemoryBytes, ofEngine)
	swapped := promql.Sum(promql.ChosenWorkers.Select(c.ProcessSwappedMemoryBytes), c.LabelProcess)
	return grafana.Panels{
		engineTable(),
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Memory by component",
			Description: "Sum over all chosen workers: ONNX Runtime's arenas, other allocations of engines (a leak " +
				"outside the arenas shows here), file-backed pages such as the model, and supervisors.",
			Unit: grafana.Bytes, Width: 12, Height: 9, Min: number(0),
			Queries: []grafana.Query{
				{Expr: arenas, Legend: "engines: ONNX Runtime arenas"},
				{
					Expr:   "clamp_min(" + anonymous + " - (" + arenas + " or vector(0)), 0)",
					Legend: "engines: other allocations",
				},
				{
					Expr:   sum(c.ProcessResidentMemoryBytes, ofEngine) + " - " + anonymous,
					Legend: "engines: file-backed pages",
				},
				{Expr: sum(c.ProcessResidentMemoryBytes, ofSupervisor), Legend: "supervisors"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Engine threads and open files",
			Description: "Maximum over all engines. Both should stay flat: a rise is a leak of threads or file " +
				"descriptors.",
			Unit: grafana.Number, Width: 6, Height: 9, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Max(promql.ChosenWorkers.Select(c.ProcessThreads, ofEngine)), Legend: "threads"},
				{Expr: promql.Max(promql.ChosenWorkers.Select(c.ProcessOpenFiles, ofEngine)), Legend: "open files"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Swapped memory",
			Description: "Swapped-out memory of the chosen workers' processes. It is not resident, and therefore " +
				"hides growth.",
			Unit: grafana.Bytes, Width: 6, Height: 9, Min: number(0),
			Queries: []grafana.Query{{Expr: swapped, Legend: "{{process}}"}},
		}},
	}
}

func engineTable() grafana.Table {
	by := []string{promql.Namespace, promql.Job, promql.Pod}
	// Restricts a query to the workers with the largest engines.
	largest := func(query string) string {
		return query + " and on (" + promql.Namespace + ", " + promql.Pod + ") " +
			promql.TopK(maxTableRows, promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes))
	}
	bytes := func(title, metric string, matchers ...string) grafana.Column {
		expr := largest(promql.Max(promql.ChosenWorkers.Select(metric, matchers...), by...))
		return grafana.Column{Title: title, Expr: expr, Unit: grafana.Bytes, Decimals: 1}
	}
	lower := bytes("Growth/h, lower bound", c.EngineMemoryGrowthBoundBytesPerHour,
		promql.Equal(c.LabelBound, c.ValueLower))
	lower.Thresholds = []grafana.Threshold{
		{From: growthWarning, Colour: grafana.Orange}, {From: growthLimit, Colour: grafana.Red},
	}
	recycles := promql.Sum(promql.ChosenWorkers.Select(c.EngineRecyclesTotal), by...)
	return grafana.Table{
		Panel: grafana.Panel{
			Title: "Largest engines",
			Description: "The 50 workers with the largest engines. Growth is an estimate with its 95 % confidence " +
				"interval; a lower bound above 0 means that the engine grows.",
			Width: 24, Height: 9,
		},
		Labels: []grafana.Label{
			{Name: promql.Namespace, Title: "Namespace"},
			{Name: promql.Job, Title: "Job", Link: jobLink, LinkTitle: "Open the job"},
			{Name: promql.Pod, Title: "Worker", Link: workerLink, LinkTitle: "Show only this worker"},
		},
		Columns: []grafana.Column{
			bytes("Resident", c.EngineResidentMemoryBytes),
			bytes("Peak", c.ProcessPeakResidentMemoryBytes, ofEngine),
			bytes("Growth/h", c.EngineMemoryGrowthBytesPerHour),
			lower,
			bytes("Growth/h, upper bound", c.EngineMemoryGrowthBoundBytesPerHour,
				promql.Equal(c.LabelBound, c.ValueUpper)),
			bytes("ORT arenas", c.EngineArenaReservedBytes),
			bytes("Supervisor", c.ProcessResidentMemoryBytes, ofSupervisor),
			bytes("Container", c.CgroupMemoryWorkingSetBytes),
			{Title: "Recycles", Expr: largest(recycles), Unit: grafana.Number},
		},
		SortBy: "Resident",
	}
}

func memoryRecycles() grafana.Panels {
	perEngine := promql.Sum(promql.Increase(promql.ChosenWorkers.Select(c.EngineRecyclesTotal)),
		promql.Job, promql.Pod)
	p95 := func(metric, legend string) grafana.Query {
		return grafana.Query{Expr: promql.HistogramQuantile(0.95, metric, promql.ChosenWorkers), Legend: legend}
	}
	return grafana.Panels{
		recyclesByReason(promql.ChosenWorkers, 8, 9),
		grafana.TimeSeries{DrawStyle: grafana.StackedBars, Panel: grafana.Panel{
			Title: "Recycles by worker",
			Description: "The 10 workers with the most recycles, per point of the graph. A single worker points to " +
				"its files or its node, all workers point to the engine.",
			Unit: grafana.Number, Width: 8, Height: 9, Min: number(0), NoValue: "no recycles",
			Queries: []grafana.Query{{
				Expr: promql.TopK(maxJobLines, perEngine+" > 0"), Legend: "{{verbatim_job}}/{{pod}}",
			}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Recycle cost",
			Description: "p95 of the model load time, and of the gap without an engine at a replacement. The gap is " +
				"close to 0 where memory suffices for two engines.",
			Unit: grafana.Seconds, Width: 8, Height: 9, Min: number(0), NoValue: "no recycles",
			Queries: []grafana.Query{
				p95(c.ModelLoadSeconds, "model load p95"), p95(c.EngineGapSeconds, "gap p95"),
			},
		}},
	}
}
