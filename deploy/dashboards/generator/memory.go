package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	c "verbatim.dev/dashboards/contract"
	"verbatim.dev/dashboards/grafana"
	"verbatim.dev/dashboards/promql"
)

// Memory growth per hour that deserves attention (as in VerbatimWorkerMemoryGrowing), and above which engines
// are replaced by default (recycle.memoryGrowthPerHour): 50 and 200 MiB.
const growthWarning, growthLimit = 50 << 20, 200 << 20

func memory() grafana.Dashboard {
	inNamespace := promql.Regexp(promql.Namespace, "$namespace")
	return grafana.Dashboard{
		UID:   grafana.MemoryUID,
		Title: "Verbatim / Memory",
		Description: "Resident memory of every engine over days: size, growth, recycles, " +
			"and which component leaks.",
		From:    "now-2d",
		Refresh: "1m",
		Variables: []cog.Builder[dashboard.VariableModel]{
			grafana.Variable("namespace", "Namespace", "Namespaces of workers", c.EngineReady, promql.Namespace, true),
			grafana.Variable("verbatim_job", "Job", "TranscriptionJobs",
				c.EngineReady+`{`+inNamespace+`}`, promql.Job, true),
			grafana.Variable("worker", "Worker", "Pods of workers",
				promql.Workers.Select(c.EngineReady), promql.Pod, true),
		},
		Annotations: []cog.Builder[dashboard.AnnotationQuery]{
			grafana.RecycleAnnotations(true, promql.ChosenWorkers, promql.Pod), grafana.AlertAnnotations(),
		},
		Rows: []grafana.Row{
			{Title: "Overview", Panels: memoryOverview()},
			{Title: "Resident memory", Panels: memoryResident()},
			{Title: "Growth", Panels: memoryGrowth()},
			{Title: "Breakdown", Panels: memoryBreakdown()},
			{Title: "Recycles", Panels: memoryRecycles()},
		},
	}
}

func growthLowerBound(by ...string) string {
	lower := promql.Equal(c.LabelBound, c.ValueLower)
	return promql.Max(promql.ChosenWorkers.Select(c.EngineMemoryGrowthBoundBytesPerHour, lower), by...)
}

func memoryOverview() grafana.Panels {
	stat := func(title, description, unit, expr string) grafana.Stat {
		return grafana.Stat{Panel: grafana.Panel{
			Title: title, Description: description, Unit: unit, Width: 4, Height: 4, BaseColour: grafana.Blue,
			Queries: []grafana.Query{{Expr: expr, Legend: title}},
		}}
	}
	resident := promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes)
	workers := stat("Workers", "Workers with metrics.", grafana.Number,
		promql.Count(promql.ChosenWorkers.Select(c.EngineReady)))
	median := stat("Engine memory p50", "Median resident memory of all engines.",
		grafana.Bytes, promql.Quantile(0.5, resident))
	largest := stat("Engine memory max", "Resident memory of the largest engine.",
		grafana.Bytes, promql.Max(resident))

	fullest := stat("Container memory max",
		"Working set of the fullest worker as a share of its container's limit. The kernel kills at 100 %.",
		grafana.Percent, promql.Max(promql.ChosenWorkers.Select(c.CgroupMemoryWorkingSetBytes)+" / "+
			promql.ChosenWorkers.Select(c.CgroupMemoryLimitBytes)))
	fullest.BaseColour, fullest.NoValue = grafana.Green, "no limits"
	fullest.Thresholds = []grafana.Threshold{
		{From: 0.8, Colour: grafana.Yellow}, {From: 0.95, Colour: grafana.Red},
	}

	growth := stat("Memory growth per hour",
		"Lower bound of the 95 % confidence interval of the fastest growing engine. At or below 0 there is no "+
			"evidence of a leak.",
		grafana.Bytes, growthLowerBound())
	growth.BaseColour, growth.NoValue = grafana.Green, "too early"
	growth.Thresholds = []grafana.Threshold{
		{From: growthWarning, Colour: grafana.Yellow}, {From: growthLimit, Colour: grafana.Red},
	}

	recycles := stat("Recycles in 24 h", "Engines replaced in the last 24 hours, for any reason.",
		grafana.Number,
		promql.Sum("increase("+promql.ChosenWorkers.Select(c.EngineRecyclesTotal)+"[1d])"))
	recycles.NoSparkline, recycles.Decimals = true, number(0)
	return grafana.Panels{workers, median, largest, fullest, growth, recycles}
}

func memoryResident() grafana.Panels {
	resident := promql.ChosenWorkers.Select(c.EngineResidentMemoryBytes)
	perEngine := promql.Max(resident, promql.Namespace, promql.Job, promql.Pod)
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Engine resident memory",
			Description: "The 20 largest engines at each moment. Purple marks are recycles. A sawtooth is a leak " +
				"that recycles contain; a flat line is no leak.",
			Unit: grafana.Bytes, Width: 16, Height: 10, Min: number(0),
			Queries: []grafana.Query{{
				Expr: promql.TopK(maxWorkerLines, perEngine), Legend: "{{verbatim_job}}/{{pod}}",
			}},
		}},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title:       "Engine resident memory: distribution",
			Description: "Distribution over all engines, however many there are.",
			Unit:        grafana.Bytes, Width: 8, Height: 10, Min: number(0),
			Queries: []grafana.Query{
				{Expr: promql.Max(resident), Legend: "max"},
				{Expr: promql.Quantile(0.95, resident), Legend: "p95"},
				{Expr: promql.Quantile(0.5, resident), Legend: "p50"},
				{Expr: promql.Min(resident), Legend: "min"},
			},
		}},
	}
}

func memoryGrowth() grafana.Panels {
	perAudioHour := promql.ChosenWorkers.Select(c.EngineMemoryGrowthBytesPerAudioHour)
	const perEngine = "{{verbatim_job}}/{{pod}}"
	return grafana.Panels{
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Memory growth per hour: lower bound",
			Description: "Lower bound of the 95 % confidence interval after warm-up, of the 10 fastest growing " +
				"engines. Engines above recycle.memoryGrowthPerHour are replaced (dashed: its default of 200 MiB). The " +
				"slope of a young engine may be steep by chance for some minutes.",
			Unit: grafana.Bytes, Width: 12, Height: 9, Min: number(0), NoValue: "no engine is warm yet",
			Thresholds: []grafana.Threshold{
				{From: growthWarning, Colour: grafana.Yellow}, {From: growthLimit, Colour: grafana.Red},
			},
			Queries: []grafana.Query{{
				Expr:   promql.TopK(maxJobLines, growthLowerBound(promql.Job, promql.Pod)),
				Legend: perEngine,
			}},
		}, ThresholdLines: true},
		grafana.TimeSeries{Panel: grafana.Panel{
			Title: "Memory growth per audio hour",
			Description: "Estimated growth per hour of audio instead of time. A leak per file keeps its slope here " +
				"when workers are idle.",
			Unit: grafana.Bytes, Width: 12, Height: 9, NoValue: "no engine is warm yet",
			Queries: []grafana.Query{{
				Expr:   promql.TopK(maxJobLines, promql.Max(perAudioHour, promql.Job, promql.Pod)),
				Legend: perEngine,
			}},
		}},
	}
}
