package main

import (
	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

func jobMemory() grafana.Panels {
	engineLimit := func(limit string) string {
		return promql.Min(promql.ChosenWorkers.Select(c.EngineMemoryLimitBytes, promql.Equal(c.LabelLimit, limit)))
	}
	gap := func(quantile float64, name string) grafana.Query {
		expr := promql.HistogramQuantile(quantile, c.EngineGapSeconds, promql.ChosenWorkers)
		return grafana.Query{Expr: expr, Legend: name}
	}
	resident := promql.Max(promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes), promql.Pod)
	utilization := promql.ChosenWorkers.Select(c.CgroupMemoryWorkingSetBytes) + " / " +
		promql.ChosenWorkers.Select(c.CgroupMemoryLimitBytes)
	gpuUsed := promql.ChosenWorkers.Select(c.CudaMemoryUsedBytes)
	gpuUsedByEngines := promql.ChosenWorkers.Select(c.EngineCudaMemoryUsedBytes)
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Engine resident memory and limits",
			Description: "The 20 largest engines, and the lowest limits. At the soft limit an engine is replaced " +
				"after its files in flight, at the hard limit it is killed, at the container's limit the kernel kills. " +
				"Purple marks are recycles.",
			Unit: grafana.Bytes, Width: 12, Height: 9, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.TopK(maxWorkerLines, resident), Legend: "{{pod}}"},
				{Expr: engineLimit(c.ValueSoft), Legend: "soft limit"},
				{Expr: engineLimit(c.ValueHard), Legend: "hard limit"},
				{
					Expr:   promql.Min(promql.ChosenWorkers.Select(c.CgroupMemoryLimitBytes)),
					Legend: "container limit",
				},
			},
		}, Overrides: []grafana.Override{
			{Legend: "soft limit", Colour: grafana.Yellow, Dashed: true},
			{Legend: "hard limit", Colour: grafana.Orange, Dashed: true},
			{Legend: "container limit", Colour: grafana.Red, Dashed: true},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Container memory utilization",
			Description: "Working set of the whole worker as a share of the container's limit, of the 20 fullest " +
				"workers. The kernel kills at 100 %.",
			Unit: grafana.Percent, Width: 6, Height: 9, Min: number(0), Max: number(1), NoValue: "no memory limits",
			Thresholds: []grafana.Threshold{{From: 0.8, Colour: grafana.Yellow}, {From: 0.95, Colour: grafana.Red}},
			Queries:    []grafana.Query{{Expr: promql.TopK(maxWorkerLines, utilization), Legend: "{{pod}}"}},
		}, ThresholdLines: true},
		recyclesByReason(promql.ChosenWorkers, 6, 9),
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "GPU memory",
			Description: "The 20 fullest GPUs: memory in use by all processes, the part used by engines, and the " +
				"smallest GPU's total.",
			Unit: grafana.Bytes, Width: 12, Height: 8, Min: number(0), NoValue: "no GPUs",
			Queries: []grafana.Query{
				{Expr: promql.TopK(maxWorkerLines, gpuUsed), Legend: "{{pod}} GPU {{gpu}}: in use"},
				{Expr: promql.TopK(maxWorkerLines, gpuUsedByEngines), Legend: "{{pod}} GPU {{gpu}}: engines"},
				{Expr: promql.Min(promql.ChosenWorkers.Select(c.CudaMemoryTotalBytes)), Legend: "total"},
			},
		}, Overrides: []grafana.Override{{Legend: "total", Colour: grafana.Red, Dashed: true}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Engine gap per recycle",
			Description: "Time without an engine at a replacement, p50 and p95. Close to 0 where memory suffices " +
				"for two engines.",
			Unit: grafana.Seconds, Width: 12, Height: 8, Min: number(0), NoValue: "no recycles",
			Queries: []grafana.Query{gap(0.5, "p50"), gap(0.95, "p95")},
		}},
	}
}

func jobInference() grafana.Panels {
	padding := promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.PaddingSecondsTotal)))
	speech := promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.SegmentSecondsTotal)))
	segmentWait := promql.Ratio(promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.SegmentWaitSecondsTotal))),
		promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.SegmentsTotal))))
	quantile := func(quantile float64, metric string) string {
		return promql.HistogramQuantile(quantile, metric, promql.ChosenWorkers)
	}
	inference := promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.InferenceSecondsTotal)), promql.Pod)
	budget := promql.ChosenWorkers.Select(c.BatchBudgetSeconds)
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Batch padding",
			Description: "Padding as a share of the audio that goes through the model. CPU batches have none; " +
				"20 % is usual on a GPU.",
			Unit: grafana.Percent, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Ratio(padding, "("+padding+" + "+speech+")"), Legend: "mean"},
				{Expr: quantile(0.95, c.BatchPaddingRatio), Legend: "p95"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Queue time", Description: "Waiting time of files for an engine, and of segments for the model.",
			Unit: grafana.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: quantile(0.5, c.FileQueueSeconds), Legend: "files p50"},
				{Expr: quantile(0.95, c.FileQueueSeconds), Legend: "files p95"},
				{Expr: segmentWait, Legend: "segments mean"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Inference time by worker",
			Description: "Seconds in the model per second, summed over a worker's inference threads, of the 20 " +
				"busiest workers. At the number of threads, the model is the bottleneck.",
			Unit: grafana.Number, Width: 6, Height: 8, Min: number(0), Decimals: number(2),
			Queries: []grafana.Query{{Expr: promql.TopK(maxWorkerLines, inference), Legend: "{{pod}}"}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Batch budget",
			Description: "Seconds of segments, padding included, that may be in the model at once. Halved when " +
				"memory runs out, then grows back slowly.",
			Unit: grafana.Seconds, Width: 6, Height: 8, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Min(budget), Legend: "min"}, {Expr: promql.Max(budget), Legend: "max"},
			},
		}},
	}
}

func jobStore() grafana.Panels {
	const requestCount = c.StoreRequestSeconds + "_count"
	requests := promql.ChosenWorkers.Select(requestCount)
	errors := promql.ChosenWorkers.Select(requestCount, `code!~"ok|NotFound|PreconditionFailed"`)
	spoolSize := promql.Max(promql.ChosenWorkers.Select(c.SpoolBytes), promql.Pod)
	cpu := promql.Sum(promql.Rate(promql.ChosenWorkers.Select(c.ProcessCpuSecondsTotal)), c.LabelProcess)
	latency := func(quantile float64, name string) grafana.Query {
		expr := promql.HistogramQuantile(quantile, c.StoreRequestSeconds, promql.ChosenWorkers, c.LabelOperation)
		return grafana.Query{Expr: expr, Legend: "{{operation}} " + name}
	}
	return grafana.Panels{
		grafana.TimeSeries{DrawStyle: grafana.StackedAreas, Panel: grafana.Panel{
			Title: "Store requests", Description: "Requests to the store per second, by operation.",
			Unit: grafana.Requests, Width: 6, Height: 8, Min: number(0), NoValue: "no store requests",
			Queries: []grafana.Query{{
				Expr: promql.Sum(promql.Rate(requests), c.LabelOperation), Legend: "{{operation}}",
			}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Store latency", Description: "Time to the first byte of the store's response, p50 and p99.",
			Unit: grafana.Seconds, Width: 6, Height: 8, Min: number(0), NoValue: "no store requests",
			Queries: []grafana.Query{latency(0.5, "p50"), latency(0.99, "p99")},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Store errors",
			Description: "Failed requests per second, by code. NotFound and PreconditionFailed do not count: they " +
				"are regular answers, since workers compete for claims.",
			Unit: grafana.Requests, Width: 6, Height: 8, Min: number(0), NoValue: "no store requests",
			Queries: []grafana.Query{
				{
					Expr:   promql.OrZero(promql.Sum(promql.Rate(errors)), promql.Sum(promql.Rate(requests))),
					Legend: "all errors",
				},
				{Expr: promql.Sum(promql.Rate(errors), c.LabelCode), Legend: "{{code}}"},
			},
		}, Overrides: []grafana.Override{{Legend: "all errors", Colour: grafana.Red}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Spool size",
			Description: "Size of the recordings fetched ahead of the engines, of the 20 fullest spools, and the " +
				"lowest limit. A spool that is always empty means that the store is the bottleneck.",
			Unit: grafana.Bytes, Width: 6, Height: 8, Min: number(0), NoValue: "no spool",
			Queries: []grafana.Query{
				{Expr: promql.TopK(maxWorkerLines, spoolSize), Legend: "{{pod}}"},
				{Expr: promql.Min(promql.ChosenWorkers.Select(c.SpoolLimitBytes)), Legend: "limit"},
			},
		}, Overrides: []grafana.Override{{Legend: "limit", Colour: grafana.Red, Dashed: true}}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title:       "Files in the spool and in flight",
			Description: "Recordings fetched ahead, and recordings that engines work on, of all chosen workers.",
			Unit:        grafana.Number, Width: 12, Height: 8, Min: number(0), Decimals: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Sum(promql.ChosenWorkers.Select(c.SpoolFiles)), Legend: "in the spool"},
				{Expr: promql.Sum(promql.ChosenWorkers.Select(c.FilesInFlight)), Legend: "in flight"},
			},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "CPU usage",
			Description: "CPU seconds per second, of all chosen workers. Engines transcribe; supervisors talk to " +
				"the store.",
			Unit: grafana.Number, Width: 12, Height: 8, Min: number(0), Decimals: number(2),
			Queries: []grafana.Query{{Expr: cpu, Legend: "{{process}}s"}},
		}},
	}
}
