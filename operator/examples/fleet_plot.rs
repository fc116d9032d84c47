//! Draws docs/scaling/*.svg from the simulations of `tests/offline/simulation`:
//! `cargo run --release -p verbatim-operator --example fleet_plot`.

// The tests use parts that this example does not.
#[allow(dead_code)]
#[path = "../tests/offline/simulation/mod.rs"]
mod simulation;

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

use simulation::figures::quantile;
use simulation::run::{Run, run};
use simulation::scenario::Scenario;
use simulation::scenarios::{plotted, predictable};

const SIZE: (u32, u32) = (1000, 360);
const FONT: (&str, u32) = ("system-ui, sans-serif", 16);
/// Approximate width of a character; fonts differ.
const CHARACTER: i32 = 7;
const PAGE: RGBColor = RGBColor(0xff, 0xff, 0xff);
const TEXT: RGBColor = RGBColor(0x57, 0x60, 0x6a);
const GRID: RGBColor = RGBColor(0xe4, 0xe8, 0xec);
const BLUE: RGBColor = RGBColor(0x0b, 0x62, 0xc4);
const ORANGE: RGBColor = RGBColor(0xc2, 0x51, 0x0a);
const GREY: RGBColor = RGBColor(0x8c, 0x95, 0x9f);
const GREEN: RGBColor = RGBColor(0x15, 0x80, 0x3d);
const RED: RGBColor = RGBColor(0xb9, 0x1c, 0x1c);
/// The same colours in dark mode.
const DARK: [(RGBColor, &str); 8] = [
    (PAGE, "#14171c"),
    (TEXT, "#9aa4b0"),
    (GRID, "#2b313a"),
    (BLUE, "#6cb2ff"),
    (ORANGE, "#ff9d5c"),
    (GREY, "#6e7681"),
    (GREEN, "#68d391"),
    (RED, "#ff7b72"),
];

type Points = Vec<(f64, f64)>;

/// Points, colour and name.
struct Line(Points, RGBColor, &'static str);

struct Axes {
    title: &'static str,
    x: (&'static str, Range<f64>),
    y: (&'static str, Range<f64>),
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scaling");
    std::fs::create_dir_all(&folder)?;
    let scenario = plotted();
    std::fs::write(folder.join("workers.svg"), workers(&run(&scenario), &scenario)?)?;
    let runs: Vec<Run> = predictable().iter().filter(|it| it.scaling.max_workers <= 300).map(run).collect();
    std::fs::write(folder.join("eta.svg"), eta(&runs)?)?;
    Ok(())
}

fn workers(run: &Run, scenario: &Scenario) -> Result<String, Box<dyn Error>> {
    let target = f64::from(scenario.scaling.target_completion_seconds.unwrap_or(0)) / 60.0;
    let minutes = |at: f64| at / 60.0;
    let mut desired = Points::new();
    for step in &run.steps {
        // As steps: the number holds until the next decision.
        let last = desired.last().map_or(0.0, |(_, number)| *number);
        desired.push((minutes(step.at), last));
        desired.push((minutes(step.at), f64::from(step.decision.workers)));
    }
    let running: Points = run.steps.iter().map(|step| (minutes(step.at), f64::from(step.up))).collect();
    let prediction = |step: &simulation::run::Step| {
        step.decision.eta.map(|eta| (minutes(step.at), (step.at + eta.as_secs_f64()) / 60.0))
    };
    let ends: Points =
        run.steps.iter().filter_map(prediction).filter(|(_, end)| *end < 1.2 * target).collect();
    let axes = Axes {
        title: "Workers and forecast end of a job with a target of two hours",
        x: ("minutes since the start", 0.0..1.05 * target),
        y: ("workers; minutes", 0.0..1.1 * target),
    };
    let lines = [
        Line(vec![(0.0, target), (target, target)], GREY, "target, minutes"),
        Line(vec![(minutes(run.end), 0.0), (minutes(run.end), 1.1 * target)], RED, "actual end"),
        Line(ends, ORANGE, "forecast end, minutes"),
        Line(desired, BLUE, "workers wanted"),
        Line(running, GREEN, "workers ready"),
    ];
    draw(&axes, &lines)
}

fn eta(runs: &[Run]) -> Result<String, Box<dyn Error>> {
    let at = |percent: u32, part: f64| {
        let errors = runs.iter().filter_map(|run| run.eta_error(f64::from(percent) / 100.0));
        let errors: Vec<f64> = errors.map(|error| 100.0 * error.abs()).collect();
        (f64::from(percent), quantile(&errors, part))
    };
    let curve = |part: f64| -> Points { (2..=80).step_by(2).map(|percent| at(percent, part)).collect() };
    let axes = Axes {
        title: "Error of the forecast time left, by progress",
        x: ("% of the audio done", 0.0..80.0),
        y: ("error, % of the time left", 0.0..45.0),
    };
    let lines = [
        Line(vec![(0.0, 15.0), (80.0, 15.0)], GREY, "15 %"),
        Line(vec![(10.0, 0.0), (10.0, 45.0)], GREY, "10 % done"),
        Line(curve(1.0), RED, "max"),
        Line(curve(0.95), ORANGE, "p95"),
        Line(curve(0.5), BLUE, "p50"),
    ];
    draw(&axes, &lines)
}

fn draw(axes: &Axes, lines: &[Line]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&PAGE)?;
        let font = FONT.into_font().color(&TEXT);
        root.draw(&Text::new(axes.title, (60, 8), font.clone()))?;
        let mut x = 60;
        for Line(_, color, name) in lines {
            root.draw(&PathElement::new([(x, 40), (x + 16, 40)], color.stroke_width(2)))?;
            root.draw(&Text::new(*name, (x + 22, 33), font.clone()))?;
            x += 50 + CHARACTER * name.chars().count() as i32;
        }
        let mut chart = ChartBuilder::on(&root)
            .margin(12)
            .margin_top(58)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d(axes.x.1.clone(), axes.y.1.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_desc(axes.x.0)
            .y_desc(axes.y.0)
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .label_style(font.clone())
            .axis_desc_style(font)
            .draw()?;
        for Line(points, color, _) in lines {
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
        }
        root.present()?;
    }
    Ok(themed(&svg, axes.title))
}

/// Adds the colours of dark mode, and a text for screen readers.
fn themed(svg: &str, title: &str) -> String {
    let rule = |(color, dark): &(RGBColor, &str)| {
        let RGBColor(red, green, blue) = color;
        let light = format!("#{red:02X}{green:02X}{blue:02X}");
        format!("svg.plot [fill=\"{light}\"]{{fill:{dark}}} svg.plot [stroke=\"{light}\"]{{stroke:{dark}}}\n")
    };
    let rules: String = DARK.iter().map(rule).collect();
    let style = format!("<style>@media (prefers-color-scheme: dark){{\n{rules}}}</style>");
    let svg = svg.replacen("<svg ", &format!("<svg class=\"plot\" role=\"img\" aria-label=\"{title}\" "), 1);
    svg.replacen('>', &format!(">\n{style}"), 1)
}
