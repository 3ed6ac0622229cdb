//! A chart as SVG: the same lines and ticks as on the screen, for papers and pull requests.

use std::fmt::Write;

use super::axis::{Tick, Unit, ticks};
use super::picture::{Scale, extents, traced, x_unit};
use super::trace::{ChartLine, Spot, thin};
use super::{Options, Smoothing, Stroke};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 56.0;
/// Of a line of the legend.
const ROW: f64 = 20.0;
/// Points to the pixel: more cannot be seen.
const DETAIL: f64 = 4.0;

/// Okabe and Ito's colours, which people with any kind of colour vision can tell apart, and four between them.
const COLORS: [&str; 12] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b4bb7", "#7a7a7a", "#8b5a2b",
    "#6b8e23", "#b03060", "#008b8b",
];

/// Text that is safe within SVG. A clean text has no character that XML forbids.
fn escaped(text: &str) -> String {
    crate::text::clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The axes of a chart, and where values lie between them.
struct Frame {
    across: Scale,
    upwards: Scale,
    dots: usize,
}

const RIGHT_END: f64 = WIDTH - RIGHT;
const LOWER_END: f64 = HEIGHT - BOTTOM;

impl Frame {
    fn new(x: (f64, f64), y: (f64, f64)) -> Self {
        let dots = ((RIGHT_END - LEFT) * DETAIL) as usize;
        Self { across: Scale::new(x, dots), upwards: Scale::new(y, 10_001), dots }
    }

    fn at_x(&self, value: f64) -> f64 {
        LEFT + self.across.dot(value) / (self.dots - 1) as f64 * (RIGHT_END - LEFT)
    }

    fn at_y(&self, value: f64) -> f64 {
        LOWER_END - self.upwards.dot(value) / 10_000.0 * (LOWER_END - TOP)
    }

    /// The beginning of a picture: its title, the axes, their ticks and what lies along the lower one; `below` pixels are
    /// left for a legend.
    fn begin(
        &self,
        title: &str,
        x_title: &str,
        (x_ticks, y_ticks): (&[Tick], &[Tick]),
        below: f64,
    ) -> String {
        let height = HEIGHT + below;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"26\" font-size=\"17\">{}</text>\n\
             <clipPath id=\"plot\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\n",
            escaped(title),
            RIGHT_END - LEFT,
            LOWER_END - TOP
        );
        // Writing into a string cannot fail.
        for tick in y_ticks {
            let at = self.at_y(tick.at);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{RIGHT_END}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                escaped(&tick.label)
            );
        }
        for tick in x_ticks {
            let at = self.at_x(tick.at);
            let _ = writeln!(
                out,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{LOWER_END}\" y2=\"{:.1}\" stroke=\"#555\"/>\
                 <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
                LOWER_END + 5.0,
                LOWER_END + 20.0,
                escaped(&tick.label)
            );
        }
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {TOP}V{LOWER_END}H{RIGHT_END}\" fill=\"none\" stroke=\"#555\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            f64::midpoint(LEFT, RIGHT_END),
            LOWER_END + 42.0,
            escaped(x_title)
        );
        out
    }
}

/// Lines with their names under a title, and what lies along the x axis; the options and the window as for
/// [`super::picture()`].
pub fn svg(
    (title, x_title): (&str, &str),
    lines: &[(ChartLine<'_>, &str)],
    options: &Options,
    window: Option<(f64, f64)>,
) -> String {
    let drawn: Vec<ChartLine<'_>> = lines.iter().map(|(line, _)| *line).collect();
    let traced = traced(&drawn, options);
    let (x, y) = extents(&traced, options, window);
    let frame = Frame::new(x, y);
    let ticks = (
        ticks(x.0, x.1, 10, x_unit(options.x, &traced), options.log_x),
        ticks(y.0, y.1, 8, Unit::Number, options.log_y),
    );
    let (at_x, at_y) = (|value| frame.at_x(value), |value| frame.at_y(value));
    let mut out = frame.begin(title, x_title, (&ticks.0, &ticks.1), ROW * lines.len() as f64);
    let column = |value: f64| frame.across.dot(value).round().clamp(-1.0, frame.dots as f64) as i64;
    for (at, trace) in
        traced.iter().enumerate().flat_map(|(at, line)| line.traces.iter().map(move |it| (at, it)))
    {
        let band: Vec<(f64, (f64, f64))> = trace.band(x).collect();
        if band.is_empty() {
            continue;
        }
        let bottom = |value: f64| at_y(value.max(y.0));
        let upper = band.iter().map(|(x, (_, high))| format!("{:.1} {:.1}", at_x(*x), at_y(*high)));
        let lower = band.iter().rev().map(|(x, (low, _))| format!("{:.1} {:.1}", at_x(*x), bottom(*low)));
        let outline: Vec<String> = upper.chain(lower).collect();
        let _ = writeln!(
            out,
            "<path d=\"M{}Z\" clip-path=\"url(#plot)\" fill=\"{}\" fill-opacity=\"0.15\"/>",
            outline.join("L"),
            COLORS[at % COLORS.len()]
        );
    }
    for (at, line) in traced.iter().enumerate() {
        let (color, dashes) = (COLORS[at % COLORS.len()], dashes(line.ink.stroke));
        let mut draw = |smoothing: Smoothing, opacity: f64| {
            for trace in &line.traces {
                let path = path(&thin(&trace.spots(x, smoothing), column), &at_x, &at_y);
                let _ = writeln!(
                    out,
                    "<path d=\"{path}\" clip-path=\"url(#plot)\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.6\" \
                     stroke-linecap=\"round\" stroke-linejoin=\"round\"{dashes} opacity=\"{opacity}\"/>"
                );
            }
        };
        if options.smoothing.is_on() {
            draw(Smoothing::default(), 0.25);
        }
        draw(options.smoothing, 1.0);
    }
    for (at, (line, name)) in lines.iter().enumerate() {
        let y = HEIGHT + ROW * at as f64;
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{}\" stroke-width=\"3\"{}/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + 24.0,
            COLORS[at % COLORS.len()],
            dashes(line.ink.stroke),
            LEFT + 32.0,
            y + 4.5,
            escaped(name)
        );
    }
    out + "</svg>\n"
}

fn dashes(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Solid => "",
        Stroke::Dashed => " stroke-dasharray=\"7 4\"",
        Stroke::Dotted => " stroke-dasharray=\"1 4\"",
    }
}

fn path(spots: &[Spot], at_x: &impl Fn(f64) -> f64, at_y: &impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut is_new = true;
    for spot in spots {
        let Spot::At { x, y } = *spot else {
            is_new = true;
            continue;
        };
        let (x, y) = (at_x(x), at_y(y));
        // A point by itself is a dot: a line of no length with round ends.
        let _ = if is_new { write!(path, "M{x:.1} {y:.1}h0") } else { write!(path, "L{x:.1} {y:.1}") };
        is_new = false;
    }
    path
}

/// Points in their plane, the one of interest in a colour of its own. On an axis whose values are all above 0, and the greatest
/// more than a hundred times the least, logarithms are shown.
pub fn scatter(title: &str, x_title: &str, points: &[(f64, f64)], best: usize) -> String {
    let is_log = |values: &mut dyn Iterator<Item = f64>| {
        let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(a, b), v| (a.min(v), b.max(v)));
        least > 0.0 && most / least > 100.0
    };
    let logs =
        [is_log(&mut points.iter().map(|point| point.0)), is_log(&mut points.iter().map(|point| point.1))];
    let place = |value: f64, is_log: bool| if is_log { value.log10() } else { value };
    let points: Vec<(f64, f64)> =
        points.iter().map(|(x, y)| (place(*x, logs[0]), place(*y, logs[1]))).collect();
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let room = if high > low { (high / 2.0 - low / 2.0) * 0.08 } else { low.abs().max(1.0) * 0.1 };
        (low - room, high + room)
    };
    let x = range(&mut points.iter().map(|point| point.0));
    let y = range(&mut points.iter().map(|point| point.1));
    let frame = Frame::new(x, y);
    let ticks = (ticks(x.0, x.1, 10, Unit::Number, logs[0]), ticks(y.0, y.1, 8, Unit::Number, logs[1]));
    let mut out = frame.begin(title, x_title, (&ticks.0, &ticks.1), 0.0);
    let others = points.iter().enumerate().filter(|(at, _)| *at != best);
    let dot = |(x, y): (f64, f64), radius: f64, fill: &str| {
        format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" {fill}/>\n", frame.at_x(x), frame.at_y(y))
    };
    for (_, point) in others {
        out += &dot(*point, 3.5, &format!("fill=\"{}\" fill-opacity=\"0.5\"", COLORS[0]));
    }
    if let Some(point) = points.get(best) {
        out += &dot(*point, 6.0, &format!("fill=\"{}\" stroke=\"#fff\" stroke-width=\"1.5\"", COLORS[1]));
    }
    out + "</svg>\n"
}
