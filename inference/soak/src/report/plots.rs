//! Plots of memory, CPU usage and real-time factors over time, as SVG.

use std::collections::BTreeMap;

use plotters::prelude::*;

use crate::analysis::{Measurements, Sample, TimeBuckets};
use crate::report::chart::{AMBER, BLUE, Chart, DrawError, ORANGE, Plot, RED, Symbol, reason_color};
use crate::report::format::{mb, thousands};
use verbatim_crds::contract::RecycleReason;

/// File of the memory plot.
pub(crate) const MEMORY: &str = "memory.svg";
/// File of the CPU plot.
pub(crate) const CPU: &str = "cpu.svg";
/// File of the plot of real-time factors.
pub(crate) const RTF: &str = "rtf.svg";
/// Factor from the highest value to the top of the plot.
const HEADROOM: f64 = 1.08;
/// Limits beyond this multiple of the highest value are not drawn: they would flatten the rest.
const MAX_LIMIT: f64 = 3.0;

/// SVG of the plots by file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plots(BTreeMap<&'static str, String>);

impl Plots {
    /// Draws all plots.
    ///
    /// # Errors
    /// File of the plot that cannot be drawn, and the [`DrawError`].
    pub(crate) fn of(measurements: &Measurements) -> Result<Self, (&'static str, DrawError)> {
        let mut plots = BTreeMap::new();
        for (file, draw) in [(MEMORY, memory as fn(&Measurements) -> _), (CPU, cpu), (RTF, rtf)] {
            plots.insert(file, draw(measurements).map_err(|error| (file, error))?);
        }
        Ok(Self(plots))
    }

    /// SVG of a file; empty for an unknown file.
    pub(crate) fn svg(&self, file: &str) -> &str {
        self.0.get(file).map_or("", String::as_str)
    }

    /// All files with their SVG.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(file, svg)| (*file, svg.as_str()))
    }
}

/// A plot over the time of the soak.
fn plot(measurements: &Measurements, title: &'static str, y_label: &'static str, highest: f64) -> Plot {
    let phases = measurements.engines.phases.iter().skip(1).map(|(at, _)| *at).collect();
    let (top, seconds) = (highest * HEADROOM, measurements.run.wall_seconds);
    Plot { title, y_label, top, seconds, phases, legend: Vec::new() }
}

fn memory(measurements: &Measurements) -> Result<String, DrawError> {
    let [engine, supervisor] = measurements.memory.each_ref().map(TimeBuckets::extremes);
    let highest = engine.iter().chain(&supervisor).map(|sample| f64::from(sample.value)).fold(1.0, f64::max);
    let run = &measurements.run;
    let limits = [
        ("soft limit", AMBER, run.memory_soft_limit_bytes),
        ("hard limit", RED, run.memory_hard_limit_bytes),
    ];
    let limits = limits.map(|(name, color, bytes)| Some((name, color, bytes? as f64 / 1e6)));
    let limits = || limits.iter().copied().flatten();
    let drawn = |limit: f64| limit <= MAX_LIMIT * highest;
    let top = limits().map(|limit| limit.2).filter(|limit| drawn(*limit)).fold(highest, f64::max);

    let mut plot = plot(measurements, "Resident memory", "MB", top);
    plot.legend.push((Symbol::Line, BLUE, "engine".to_owned()));
    plot.legend.push((Symbol::Line, ORANGE, "supervisor".to_owned()));
    plot.legend.extend(limits().map(|(name, color, limit)| {
        let far = if drawn(limit) { "" } else { ", above the plot" };
        (Symbol::DashedLine, color, format!("{name} {}{far}", mb(limit)))
    }));
    let mut reasons: BTreeMap<RecycleReason, usize> = BTreeMap::new();
    for replacement in &measurements.engines.replacements {
        *reasons.entry(replacement.reason).or_default() += 1;
    }
    plot.legend.extend(reasons.into_iter().map(|(reason, number)| {
        let label = format!("replaced: {} × {}", reason.as_str(), thousands(number));
        (Symbol::Mark, reason_color(reason as usize), label)
    }));
    let top = plot.top;
    plot.svg(|chart, unit| {
        for (_, color, limit) in limits().filter(|limit| drawn(limit.2)) {
            let ends = [(0.0, limit), (run.wall_seconds / unit, limit)];
            chart.draw_series(DashedLineSeries::new(ends, 6, 4, color.stroke_width(1)))?;
        }
        replacement_marks(chart, unit, measurements, top)?;
        for (samples, color) in [(engine, BLUE), (supervisor, ORANGE)] {
            // One line per engine: two of them may run at a time.
            let mut lines: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
            for Sample { at, value, engine } in samples {
                lines.entry(engine).or_default().push((f64::from(at) / unit, f64::from(value)));
            }
            let lines = lines.into_values().map(|line| PathElement::new(line, color.stroke_width(1)));
            chart.draw_series(lines)?;
        }
        Ok(())
    })
}

/// Draws a mark at the top for each replacement, in the colour of its reason; one where several would
/// overlap.
fn replacement_marks(
    chart: &mut Chart<'_, '_>,
    unit: f64,
    measurements: &Measurements,
    top: f64,
) -> Result<(), DrawError> {
    let pixel = measurements.run.wall_seconds.max(1.0) / 1000.0;
    let mut last: BTreeMap<RecycleReason, f64> = BTreeMap::new();
    for replacement in &measurements.engines.replacements {
        let (reason, at) = (replacement.reason, replacement.at);
        if last.get(&reason).is_none_or(|last| at - last >= pixel) {
            last.insert(reason, at);
            let color = reason_color(reason as usize).stroke_width(2);
            chart.draw_series([PathElement::new([(at / unit, top * 0.95), (at / unit, top)], color)])?;
        }
    }
    Ok(())
}

fn cpu(measurements: &Measurements) -> Result<String, DrawError> {
    let highs = measurements.cpu.iter().flat_map(TimeBuckets::means).map(|(.., high)| f64::from(high));
    let mut plot = plot(measurements, "CPU usage", "% of one processor", highs.fold(1.0, f64::max));
    plot.legend.push((Symbol::Line, BLUE, "engine, mean (shade: minimum to maximum)".to_owned()));
    plot.legend.push((Symbol::Line, ORANGE, "supervisor".to_owned()));
    plot.svg(|chart, unit| {
        for (buckets, color) in measurements.cpu.iter().zip([BLUE, ORANGE]) {
            let means: Vec<_> = buckets.means().collect();
            let above = means.iter().map(|(at, _, _, high)| (at / unit, f64::from(*high)));
            let below = means.iter().rev().map(|(at, _, low, _)| (at / unit, f64::from(*low)));
            let shade: Vec<_> = above.chain(below).collect();
            chart.draw_series([Polygon::new(shade, color.mix(0.2))])?;
            let line: Vec<_> = means.iter().map(|(at, mean, ..)| (at / unit, *mean)).collect();
            chart.draw_series([PathElement::new(line, color.stroke_width(1))])?;
        }
        Ok(())
    })
}

fn rtf(measurements: &Measurements) -> Result<String, DrawError> {
    let points = measurements.rtf.each_ref().map(|series| series.points.extremes());
    let highest = points.iter().flatten().map(|sample| f64::from(sample.value)).fold(0.0, f64::max);
    let title = "Real-time factor of each file (lower is faster)";
    let mut plot = plot(measurements, title, "seconds per second", highest);
    let names = ["file under 60 s", "file of 60 s or more"];
    for ((points, color), name) in points.iter().zip([BLUE, ORANGE]).zip(names) {
        if !points.is_empty() {
            plot.legend.push((Symbol::Point, color, name.to_owned()));
            plot.legend.push((Symbol::Line, color, "median".to_owned()));
        }
    }
    plot.svg(|chart, unit| {
        for (points, color) in points.iter().zip([BLUE, ORANGE]) {
            let points = points.iter().map(|sample| (f64::from(sample.at) / unit, f64::from(sample.value)));
            chart.draw_series(points.map(|point| Circle::new(point, 2, color.mix(0.35).filled())))?;
        }
        for (series, color) in measurements.rtf.iter().zip([BLUE, ORANGE]) {
            let line: Vec<_> = series.medians().iter().map(|(at, median)| (at / unit, *median)).collect();
            chart.draw_series([PathElement::new(line, color.stroke_width(2))])?;
        }
        Ok(())
    })
}
