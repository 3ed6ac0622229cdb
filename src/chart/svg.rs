//! A chart as SVG: the same lines and ticks as on the screen, for papers and pull requests.

use std::fmt::Write;

use super::axis::{Unit, ticks};
use super::picture::{Scale, extents, x_unit};
use super::trace::{ChartLine, Spot, Trace, thin};
use super::{Options, Smoothing};

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

/// Lines with their names under a title; the options and the window as for [`super::picture()`].
pub fn svg(
    title: &str,
    lines: &[(ChartLine<'_>, &str)],
    options: &Options,
    window: Option<(f64, f64)>,
) -> String {
    let traces: Vec<(u8, Trace<'_>)> =
        lines.iter().map(|(line, _)| (line.ink, Trace::new(line.points, options.scales()))).collect();
    let (x, y) = extents(&traces, options, window);
    let height = HEIGHT + ROW * lines.len() as f64;
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let dots = ((right - LEFT) * DETAIL) as usize;
    let across = Scale::new(x, dots);
    let upwards = Scale::new(y, 10_001);
    let at_x = |value: f64| LEFT + across.dot(value) / (dots - 1) as f64 * (right - LEFT);
    let at_y = |value: f64| bottom - upwards.dot(value) / 10_000.0 * (bottom - TOP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"26\" font-size=\"17\">{}</text>\n\
         <clipPath id=\"plot\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\n",
        escaped(title),
        right - LEFT,
        bottom - TOP
    );
    // Writing into a string cannot fail.
    for tick in ticks(y.0, y.1, 8, Unit::Number, options.log_y) {
        let at = at_y(tick.at);
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e4e4e4\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
            LEFT - 8.0,
            at + 4.0,
            escaped(&tick.label)
        );
    }
    for tick in ticks(x.0, x.1, 10, x_unit(options.x), options.log_x) {
        let at = at_x(tick.at);
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{bottom}\" y2=\"{:.1}\" stroke=\"#555\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            bottom + 5.0,
            bottom + 20.0,
            escaped(&tick.label)
        );
    }
    let _ = writeln!(
        out,
        "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#555\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
        f64::midpoint(LEFT, right),
        bottom + 42.0,
        options.x.in_words()
    );
    let column = |value: f64| across.dot(value).round().clamp(-1.0, dots as f64) as i64;
    for (at, (_, trace)) in traces.iter().enumerate() {
        let color = COLORS[at % COLORS.len()];
        let mut draw = |smoothing: Smoothing, opacity: f64| {
            let path = path(&thin(&trace.spots(x, smoothing), column), &at_x, &at_y);
            let _ = writeln!(
                out,
                "<path d=\"{path}\" clip-path=\"url(#plot)\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.6\" \
                 stroke-linecap=\"round\" stroke-linejoin=\"round\" opacity=\"{opacity}\"/>"
            );
        };
        if options.smoothing.is_on() {
            draw(Smoothing::default(), 0.25);
        }
        draw(options.smoothing, 1.0);
    }
    for (at, (_, name)) in lines.iter().enumerate() {
        let y = HEIGHT + ROW * at as f64;
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{}\" stroke-width=\"3\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + 24.0,
            COLORS[at % COLORS.len()],
            LEFT + 32.0,
            y + 4.5,
            escaped(name)
        );
    }
    out + "</svg>\n"
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
