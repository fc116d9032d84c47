//! The plots: memory, processor and speed over time. They take the findings and give SVG.

use std::collections::BTreeMap;

use plotters::prelude::*;

use crate::report::findings::Findings;
use crate::report::frame::{AMBER, BLUE, Chart, DrawError, Frame, GREY, Look, MARKS, ORANGE, RED};
use crate::report::series::{Buckets, Sample};
use crate::report::words::{count, mb};
use verbatim_crds::contract::RecycleReason;

/// File of the plot of memory.
pub const MEMORY: &str = "memory.svg";
/// File of the plot of processor time.
pub const CPU: &str = "cpu.svg";
/// File of the plot of real-time factors.
pub const RTF: &str = "rtf.svg";
/// Room above the highest value.
const HEADROOM: f64 = 1.08;
/// Times that the highest engine may lie below a limit for the limit to be drawn; further up it would flatten the rest.
const FAR: f64 = 3.0;

/// The plots, by file.
#[derive(Clone, Debug, Default)]
pub struct Plots(BTreeMap<&'static str, String>);

impl Plots {
    /// Draws all of them.
    ///
    /// # Errors
    /// [`DrawError`], and the plot's file.
    pub fn of(findings: &Findings) -> Result<Self, (&'static str, DrawError)> {
        let mut plots = BTreeMap::new();
        for (file, draw) in [(MEMORY, memory as fn(&Findings) -> _), (CPU, cpu), (RTF, rtf)] {
            plots.insert(file, draw(findings).map_err(|error| (file, error))?);
        }
        Ok(Self(plots))
    }

    /// The SVG of a file; empty for a file that is none of ours.
    pub fn get(&self, file: &str) -> &str {
        self.0.get(file).map_or("", String::as_str)
    }

    /// All files and their SVG.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(file, svg)| (*file, svg.as_str()))
    }
}

fn memory(findings: &Findings) -> Result<String, DrawError> {
    let [engine, supervisor] = findings.memory.each_ref().map(Buckets::extremes);
    let highest = engine.iter().chain(&supervisor).map(|sample| f64::from(sample.value)).fold(1.0, f64::max);
    let run = &findings.run;
    let limits: Vec<(&str, RGBColor, f64)> = [
        ("soft limit", AMBER, run.memory_soft_limit_bytes),
        ("hard limit", RED, run.memory_hard_limit_bytes),
    ]
    .into_iter()
    .filter_map(|(name, color, bytes)| Some((name, color, bytes? as f64 / 1e6)))
    .collect();
    let drawn = |limit: f64| limit <= FAR * highest;
    let top = limits.iter().map(|limit| limit.2).filter(|limit| drawn(*limit)).fold(highest, f64::max);

    let mut legend =
        vec![(Look::Line, BLUE, "engine".to_owned()), (Look::Line, ORANGE, "supervisor".to_owned())];
    legend.extend(limits.iter().map(|(name, color, limit)| {
        let far = if drawn(*limit) { "" } else { ", above the plot" };
        (Look::Dashes, *color, format!("{name} {}{far}", mb(*limit)))
    }));
    let reasons = reasons(findings);
    legend.extend(reasons.iter().map(|(reason, (color, number))| {
        (Look::Mark, *color, format!("replaced: {} × {}", reason.as_str(), count(*number)))
    }));
    if several(findings) {
        legend.push((Look::Dashes, GREY, "concurrency changes".to_owned()));
    }
    let frame =
        Frame { title: "Resident memory", y: "MB", top: top * HEADROOM, seconds: run.wall_seconds, legend };
    frame.draw(|chart, unit| {
        phases(chart, unit, findings, frame.top)?;
        for (_, color, limit) in limits.iter().filter(|limit| drawn(limit.2)) {
            let ends = [(0.0, *limit), (run.wall_seconds / unit, *limit)];
            chart.draw_series(DashedLineSeries::new(ends, 6, 4, color.stroke_width(1)))?;
        }
        marks(chart, unit, findings, &reasons, frame.top)?;
        for (samples, color) in [(engine, BLUE), (supervisor, ORANGE)] {
            // Each engine has a line of its own: two of them may be there at a time.
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

fn cpu(findings: &Findings) -> Result<String, DrawError> {
    let top =
        findings.cpu.iter().flat_map(Buckets::means).map(|(.., high)| f64::from(high)).fold(1.0, f64::max);
    let mut legend = vec![
        (Look::Line, BLUE, "engine, mean (shade: lowest to highest)".to_owned()),
        (Look::Line, ORANGE, "supervisor".to_owned()),
    ];
    if several(findings) {
        legend.push((Look::Dashes, GREY, "concurrency changes".to_owned()));
    }
    let frame = Frame {
        title: "Processor time",
        y: "% of one processor",
        top: top * HEADROOM,
        seconds: findings.run.wall_seconds,
        legend,
    };
    frame.draw(|chart, unit| {
        phases(chart, unit, findings, frame.top)?;
        for (buckets, color) in findings.cpu.iter().zip([BLUE, ORANGE]) {
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

fn rtf(findings: &Findings) -> Result<String, DrawError> {
    let points = findings.speed.each_ref().map(|speed| speed.points.extremes());
    let top = points.iter().flatten().map(|sample| f64::from(sample.value)).fold(0.0, f64::max);
    let mut legend = Vec::new();
    for (points, color, name) in
        [(&points[0], BLUE, "shorter than 60 s"), (&points[1], ORANGE, "60 s and longer")]
    {
        if !points.is_empty() {
            legend.push((Look::Point, color, format!("a file {name}")));
            legend.push((Look::Line, color, "its median".to_owned()));
        }
    }
    if several(findings) {
        legend.push((Look::Dashes, GREY, "concurrency changes".to_owned()));
    }
    let frame = Frame {
        title: "Real-time factor of each file (lower is faster)",
        y: "seconds per second",
        top: top * HEADROOM,
        seconds: findings.run.wall_seconds,
        legend,
    };
    frame.draw(|chart, unit| {
        phases(chart, unit, findings, frame.top)?;
        for (points, color) in points.iter().zip([BLUE, ORANGE]) {
            let places = points.iter().map(|sample| (f64::from(sample.at) / unit, f64::from(sample.value)));
            chart.draw_series(places.map(|place| Circle::new(place, 2, color.mix(0.35).filled())))?;
        }
        for (speed, color) in findings.speed.iter().zip([BLUE, ORANGE]) {
            let line: Vec<_> = speed.medians().iter().map(|(at, median)| (at / unit, *median)).collect();
            chart.draw_series([PathElement::new(line, color.stroke_width(2))])?;
        }
        Ok(())
    })
}

/// Whether the concurrency changed.
fn several(findings: &Findings) -> bool {
    findings.engines.phases.len() > 1
}

/// Broken lines where the concurrency changed.
fn phases(chart: &mut Chart<'_, '_>, unit: f64, findings: &Findings, top: f64) -> Result<(), DrawError> {
    if several(findings) {
        for (at, _) in findings.engines.phases.iter().skip(1) {
            let ends = [(at / unit, 0.0), (at / unit, top)];
            chart.draw_series(DashedLineSeries::new(ends, 3, 3, GREY.stroke_width(1)))?;
        }
    }
    Ok(())
}

/// The reasons that occurred, with their colours and numbers.
fn reasons(findings: &Findings) -> BTreeMap<RecycleReason, (RGBColor, usize)> {
    let mut reasons: BTreeMap<RecycleReason, (RGBColor, usize)> = BTreeMap::new();
    for condemned in &findings.engines.condemned {
        let color = MARKS[condemned.reason as usize % MARKS.len()];
        reasons.entry(condemned.reason).or_insert((color, 0)).1 += 1;
    }
    reasons
}

/// A short stroke at the top for each engine that was replaced, in its reason's colour; one where several would overlap.
fn marks(
    chart: &mut Chart<'_, '_>,
    unit: f64,
    findings: &Findings,
    reasons: &BTreeMap<RecycleReason, (RGBColor, usize)>,
    top: f64,
) -> Result<(), DrawError> {
    let pixel = findings.run.wall_seconds.max(1.0) / 1000.0;
    let mut last: BTreeMap<RecycleReason, f64> = BTreeMap::new();
    for condemned in &findings.engines.condemned {
        let drawn = last.get(&condemned.reason).is_some_and(|last| condemned.at - last < pixel);
        if let (false, Some((color, _))) = (drawn, reasons.get(&condemned.reason)) {
            last.insert(condemned.reason, condemned.at);
            let x = condemned.at / unit;
            let stroke = PathElement::new([(x, top * 0.95), (x, top)], color.stroke_width(2));
            chart.draw_series([stroke])?;
        }
    }
    Ok(())
}
