//! Chart common to all plots: size, colours in light and dark mode, axes, legend, phases. Renders SVG.

use std::io;

use plotters::{coord::Shift, coord::types::RangedCoordf64, prelude::*};

use crate::report::format::short;

/// Width and height of a plot in pixels; the page scales it.
const SIZE: (u32, u32) = (1000, 340);
/// Left and right end of the legend in pixels.
const LEGEND: (i32, i32) = (70, 970);
/// Height of a line of the legend in pixels.
const LINE: i32 = 20;
/// Font of all text. The SVG names it and does not embed it.
const FONT: &str = "system-ui, sans-serif";
/// Size of all text in pixels. The drawing library divides it by 1.24.
const FONT_SIZE: f64 = 13.0 * 1.24;
/// Approximate width of a character of that size in pixels: fonts differ.
const CHARACTER: i32 = 7;

/// Colours in light mode and in dark mode. The library knows one colour per element; a style sheet overrides
/// it.
const PALETTE: [(RGBColor, &str); 16] = [
    (RGBColor(0xff, 0xff, 0xff), "#14171c"),
    (RGBColor(0x57, 0x60, 0x6a), "#9aa4b0"),
    (RGBColor(0xe4, 0xe8, 0xec), "#2b313a"),
    (RGBColor(0x0b, 0x62, 0xc4), "#6cb2ff"),
    (RGBColor(0xc2, 0x51, 0x0a), "#ff9d5c"),
    (RGBColor(0xca, 0x8a, 0x04), "#e3c04a"),
    (RGBColor(0xb9, 0x1c, 0x1c), "#ff7b72"),
    (RGBColor(0x8c, 0x95, 0x9f), "#6e7681"),
    // Reasons for replacing an engine.
    (RGBColor(0x7c, 0x3a, 0xed), "#b794f6"),
    (RGBColor(0xdb, 0x27, 0x77), "#f687b3"),
    (RGBColor(0x0f, 0x76, 0x6e), "#4fd1c5"),
    (RGBColor(0xb4, 0x53, 0x09), "#f6ad55"),
    (RGBColor(0x15, 0x80, 0x3d), "#68d391"),
    (RGBColor(0xbe, 0x12, 0x3c), "#fc8181"),
    (RGBColor(0x03, 0x69, 0xa1), "#63b3ed"),
    (RGBColor(0x4d, 0x4d, 0x4d), "#cbd5e0"),
];
const PAGE: RGBColor = PALETTE[0].0;
const TEXT: RGBColor = PALETTE[1].0;
const GRID: RGBColor = PALETTE[2].0;
/// Engine; short recordings.
pub(crate) const BLUE: RGBColor = PALETTE[3].0;
/// Supervisor; long recordings.
pub(crate) const ORANGE: RGBColor = PALETTE[4].0;
/// Soft limit.
pub(crate) const AMBER: RGBColor = PALETTE[5].0;
/// Hard limit.
pub(crate) const RED: RGBColor = PALETTE[6].0;
/// Changes of concurrency.
const GREY: RGBColor = PALETTE[7].0;

/// Colour of the reason with this index.
pub(crate) fn reason_color(index: usize) -> RGBColor {
    PALETTE[8 + index % 8].0
}

/// A plot cannot be drawn.
pub(crate) type DrawError = DrawingAreaErrorKind<io::Error>;
/// Area between the axes of a plot.
pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Symbol of an entry of the legend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Symbol {
    Line,
    DashedLine,
    Point,
    /// Short vertical stroke.
    Mark,
}

/// Text, axes and legend of a plot.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    /// Name and unit of the vertical axis.
    pub(crate) y_label: &'static str,
    /// Top of the vertical axis, which starts at 0.
    pub(crate) top: f64,
    /// Length of the horizontal axis in seconds.
    pub(crate) seconds: f64,
    /// Times in seconds at which the concurrency changes.
    pub(crate) phases: Vec<f64>,
    pub(crate) legend: Vec<(Symbol, RGBColor, String)>,
}

/// Unit of the horizontal axis: its name and its length in seconds.
fn time_unit(seconds: f64) -> (&'static str, f64) {
    match seconds {
        _ if seconds < 300.0 => ("seconds", 1.0),
        _ if seconds < 3.0 * 3600.0 => ("minutes", 60.0),
        _ if seconds < 4.0 * 86_400.0 => ("hours", 3600.0),
        _ => ("days", 86_400.0),
    }
}

impl Plot {
    /// Renders the plot. `draw` gets the area between the axes, and the length in seconds of the unit of the
    /// horizontal axis.
    ///
    /// # Errors
    /// [`DrawError`].
    pub(crate) fn svg(
        mut self,
        draw: impl FnOnce(&mut Chart<'_, '_>, f64) -> Result<(), DrawError>,
    ) -> Result<String, DrawError> {
        if !self.phases.is_empty() {
            self.legend.push((Symbol::DashedLine, GREY, "concurrency changes".to_owned()));
        }
        let mut svg = String::new();
        let (unit, unit_seconds) = time_unit(self.seconds);
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            root.fill(&PAGE)?;
            let below_legend = self.draw_legend(&root)?;
            let font = (FONT, FONT_SIZE).into_font().color(&TEXT);
            let mut chart = ChartBuilder::on(&root)
                .margin_top(below_legend)
                .margin_right(SIZE.0 as i32 - LEGEND.1)
                .x_label_area_size(44)
                .y_label_area_size(LEGEND.0)
                .build_cartesian_2d(0.0..self.seconds.max(1.0) / unit_seconds, 0.0..self.top.max(1e-6))?;
            let tick = |value: &f64| tick_label(*value);
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(GRID)
                .x_labels(10)
                .y_labels(6)
                .x_label_formatter(&tick)
                .y_label_formatter(&tick)
                .x_desc(format!("{unit} since the start"))
                .y_desc(self.y_label)
                .label_style(font.clone())
                .axis_desc_style(font)
                .draw()?;
            for at in &self.phases {
                let ends = [(at / unit_seconds, 0.0), (at / unit_seconds, self.top)];
                chart.draw_series(DashedLineSeries::new(ends, 3, 3, GREY.stroke_width(1)))?;
            }
            draw(&mut chart, unit_seconds)?;
            root.present()?;
        }
        Ok(with_dark_mode(&svg, self.title))
    }

    /// Draws the title and the legend, and returns their height.
    fn draw_legend(&self, root: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<i32, DrawError> {
        let font = || (FONT, FONT_SIZE).into_font().color(&TEXT);
        let bold = (FONT, FONT_SIZE, FontStyle::Bold).into_font().color(&TEXT);
        root.draw(&Text::new(self.title, (LEGEND.0, 8), bold))?;
        let (mut x, mut y) = (LEGEND.0, 8 + LINE);
        for (symbol, color, label) in &self.legend {
            let width = 26 + CHARACTER * label.chars().count() as i32;
            if x + width > LEGEND.1 && x > LEGEND.0 {
                (x, y) = (LEGEND.0, y + LINE);
            }
            let middle = y + 6;
            let line = |from, to| root.draw(&PathElement::new([from, to], color.stroke_width(2)));
            match symbol {
                Symbol::Line => line((x, middle), (x + 16, middle))?,
                Symbol::DashedLine => [x, x + 6, x + 12]
                    .into_iter()
                    .try_for_each(|start| line((start, middle), (start + 4, middle)))?,
                Symbol::Point => root.draw(&Circle::new((x + 8, middle), 3, color.filled()))?,
                Symbol::Mark => line((x + 8, y), (x + 8, y + 12))?,
            }
            root.draw(&Text::new(label.as_str(), (x + 21, y), font()))?;
            x += width + 12;
        }
        Ok(y + LINE + 8)
    }
}

fn tick_label(value: f64) -> String {
    if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        short(value).trim_end_matches('0').to_owned()
    }
}

/// Adds the colours of dark mode, and the title for screen readers.
fn with_dark_mode(svg: &str, title: &str) -> String {
    let rule = |(RGBColor(red, green, blue), dark): &(RGBColor, &str)| {
        let light = format!("#{red:02X}{green:02X}{blue:02X}");
        format!("svg.plot [fill=\"{light}\"]{{fill:{dark}}} svg.plot [stroke=\"{light}\"]{{stroke:{dark}}}\n")
    };
    let rules: String = PALETTE.iter().map(rule).collect();
    let style = format!("<style>@media (prefers-color-scheme: dark){{\n{rules}}}</style>");
    let svg = svg.replacen("<svg ", &format!("<svg class=\"plot\" role=\"img\" aria-label=\"{title}\" "), 1);
    svg.replacen('>', &format!(">\n{style}"), 1)
}
