//! What all plots share: size, colours in light and dark, axes, legend. It takes a closure that draws, and gives the SVG.

use std::io;

use plotters::{coord::Shift, coord::types::RangedCoordf64, prelude::*};

use crate::report::words::short;

/// Width and height of a plot, in pixels; the page scales it.
const SIZE: (u32, u32) = (1000, 340);
/// Where a legend's entries begin and end, in pixels.
const LEGEND: (i32, i32) = (70, 970);
/// Height of a line of the legend.
const LINE: i32 = 20;
/// Family of all text. The SVG names it; no font is in it.
const FONT: &str = "system-ui, sans-serif";
/// Size of all text, in pixels. The drawing library writes 1/1.24 of what it is told.
const FONT_SIZE: f64 = 13.0 * 1.24;
/// Width of a character of that size, roughly: fonts differ.
const CHARACTER: i32 = 7;

/// The page.
pub const PAGE: RGBColor = RGBColor(0xff, 0xff, 0xff);
/// Words.
pub const TEXT: RGBColor = RGBColor(0x57, 0x60, 0x6a);
/// Lines of the axes.
pub const GRID: RGBColor = RGBColor(0xe4, 0xe8, 0xec);
/// The engine; short recordings.
pub const BLUE: RGBColor = RGBColor(0x0b, 0x62, 0xc4);
/// The supervisor; long recordings.
pub const ORANGE: RGBColor = RGBColor(0xc2, 0x51, 0x0a);
/// The soft limit.
pub const AMBER: RGBColor = RGBColor(0xca, 0x8a, 0x04);
/// The hard limit.
pub const RED: RGBColor = RGBColor(0xb9, 0x1c, 0x1c);
/// Beginnings of concurrencies.
pub const GREY: RGBColor = RGBColor(0x8c, 0x95, 0x9f);
/// Reasons for replacing an engine, in the order in which they occur.
pub const MARKS: [RGBColor; 8] = [
    RGBColor(0x7c, 0x3a, 0xed),
    RGBColor(0xdb, 0x27, 0x77),
    RGBColor(0x0f, 0x76, 0x6e),
    RGBColor(0xb4, 0x53, 0x09),
    RGBColor(0x15, 0x80, 0x3d),
    RGBColor(0xbe, 0x12, 0x3c),
    RGBColor(0x03, 0x69, 0xa1),
    RGBColor(0x4d, 0x4d, 0x4d),
];

/// What each colour is in the dark. The library knows one colour for a thing; a rule of a style sheet goes before it.
const DARK: [(RGBColor, &str); 16] = [
    (PAGE, "#14171c"),
    (TEXT, "#9aa4b0"),
    (GRID, "#2b313a"),
    (BLUE, "#6cb2ff"),
    (ORANGE, "#ff9d5c"),
    (AMBER, "#e3c04a"),
    (RED, "#ff7b72"),
    (GREY, "#6e7681"),
    (MARKS[0], "#b794f6"),
    (MARKS[1], "#f687b3"),
    (MARKS[2], "#4fd1c5"),
    (MARKS[3], "#f6ad55"),
    (MARKS[4], "#68d391"),
    (MARKS[5], "#fc8181"),
    (MARKS[6], "#63b3ed"),
    (MARKS[7], "#cbd5e0"),
];

/// Why a plot could not be drawn.
pub type DrawError = DrawingAreaErrorKind<io::Error>;
/// The area between a plot's axes.
pub type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How an entry of the legend looks.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// A line.
    Line,
    /// A broken line.
    Dashes,
    /// A point.
    Point,
    /// A short stroke at the top.
    Mark,
}

/// A plot's words and axes.
#[derive(Debug)]
pub struct Frame {
    /// What it shows.
    pub title: &'static str,
    /// Name and unit of the vertical axis.
    pub y: &'static str,
    /// Top of the vertical axis, which begins at 0.
    pub top: f64,
    /// Length of the horizontal axis, in seconds.
    pub seconds: f64,
    /// The legend.
    pub legend: Vec<(Look, RGBColor, String)>,
}

/// The unit of the horizontal axis: its name and its length in seconds.
fn time_unit(seconds: f64) -> (&'static str, f64) {
    match seconds {
        _ if seconds < 300.0 => ("seconds", 1.0),
        _ if seconds < 3.0 * 3600.0 => ("minutes", 60.0),
        _ if seconds < 4.0 * 86_400.0 => ("hours", 3600.0),
        _ => ("days", 86_400.0),
    }
}

impl Frame {
    /// The plot as SVG. `draw` gets the area between the axes, and the length of a unit of the horizontal one in seconds.
    ///
    /// # Errors
    /// [`DrawError`].
    pub fn draw(
        &self,
        draw: impl FnOnce(&mut Chart<'_, '_>, f64) -> Result<(), DrawError>,
    ) -> Result<String, DrawError> {
        let mut svg = String::new();
        let (unit, unit_seconds) = time_unit(self.seconds);
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            root.fill(&PAGE)?;
            let below = self.legend(&root)?;
            let font = (FONT, FONT_SIZE).into_font().color(&TEXT);
            let mut chart = ChartBuilder::on(&root)
                .margin_top(below)
                .margin_right(SIZE.0 as i32 - LEGEND.1)
                .x_label_area_size(44)
                .y_label_area_size(LEGEND.0)
                .build_cartesian_2d(0.0..self.seconds.max(1.0) / unit_seconds, 0.0..self.top.max(1e-6))?;
            let number = |value: &f64| tick(*value);
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(GRID)
                .x_labels(10)
                .y_labels(6)
                .x_label_formatter(&number)
                .y_label_formatter(&number)
                .x_desc(format!("{unit} since the beginning"))
                .y_desc(self.y)
                .label_style(font.clone())
                .axis_desc_style(font)
                .draw()?;
            draw(&mut chart, unit_seconds)?;
            root.present()?;
        }
        Ok(themed(&svg, self.title))
    }

    /// Draws the title and the legend; gives the height that they take.
    fn legend(&self, root: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<i32, DrawError> {
        let font = || (FONT, FONT_SIZE).into_font().color(&TEXT);
        let bold = (FONT, FONT_SIZE, FontStyle::Bold).into_font().color(&TEXT);
        root.draw(&Text::new(self.title, (LEGEND.0, 8), bold))?;
        let (mut x, mut y) = (LEGEND.0, 8 + LINE);
        for (look, color, words) in &self.legend {
            let width = 26 + CHARACTER * words.chars().count() as i32;
            if x + width > LEGEND.1 && x > LEGEND.0 {
                (x, y) = (LEGEND.0, y + LINE);
            }
            let middle = y + 6;
            match look {
                Look::Line => {
                    root.draw(&PathElement::new([(x, middle), (x + 16, middle)], color.stroke_width(2)))?
                }
                Look::Dashes => {
                    for start in [x, x + 6, x + 12] {
                        root.draw(&PathElement::new(
                            [(start, middle), (start + 4, middle)],
                            color.stroke_width(2),
                        ))?;
                    }
                }
                Look::Point => root.draw(&Circle::new((x + 8, middle), 3, color.filled()))?,
                Look::Mark => {
                    root.draw(&PathElement::new([(x + 8, y), (x + 8, y + 12)], color.stroke_width(2)))?
                }
            }
            root.draw(&Text::new(words.as_str(), (x + 21, y), font()))?;
            x += width + 12;
        }
        Ok(y + LINE + 8)
    }
}

fn tick(value: f64) -> String {
    if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        short(value).trim_end_matches('0').to_owned()
    }
}

/// With the colours of the dark, and words for those who do not see it.
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
