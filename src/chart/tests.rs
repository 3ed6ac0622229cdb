//! Charts against the numbers that they show.

use proptest::prelude::*;

use super::axis::{Unit, label, ticks};
use super::trace::{Spot, Trace, x_value};
use super::*;
use crate::mlflow::MetricPoint;

fn history(values: &[f64]) -> Vec<MetricPoint> {
    let point = |(step, value): (usize, &f64)| MetricPoint {
        step: step as i64,
        timestamp: 1_000 * step as i64,
        value: *value,
    };
    values.iter().enumerate().map(point).collect()
}

fn drawn(values: &[f64], size: (usize, usize), dots: Dots) -> Picture {
    let points = history(values);
    picture(&[ChartLine::new(&points, 0)], &Options::default(), None, size, dots)
}

/// The chart as text, as a terminal shows it.
fn text(picture: &Picture) -> String {
    let canvas = &picture.canvas;
    let mut lines = Vec::new();
    for row in 0..canvas.rows() {
        let label = picture.y_labels.iter().find(|(at, _)| *at == row).map_or("", |(_, label)| label);
        let dots: String = (0..canvas.columns()).map(|column| canvas.cell(column, row).0).collect();
        let axis = if picture.plot.left == 0 {
            String::new()
        } else {
            format!("{label:>width$}│", width = picture.plot.left - 1)
        };
        lines.push(format!("{axis}{dots}").trim_end().to_owned());
    }
    let mut below = vec![' '; picture.plot.left + canvas.columns()];
    for (start, label) in &picture.x_labels {
        label.chars().enumerate().for_each(|(at, c)| below[picture.plot.left + start + at] = c);
    }
    lines.push(below.into_iter().collect::<String>().trim_end().to_owned());
    lines.join("\n")
}

#[test]
fn a_falling_loss_in_exact_cells() {
    let values: Vec<f64> = (0..40).map(|step| 1.0 / f64::from(step + 1)).collect();
    insta::assert_snapshot!("braille", text(&drawn(&values, (40, 8), Dots::Braille)));
    insta::assert_snapshot!("ascii", text(&drawn(&values, (40, 8), Dots::Ascii)));
    let mut gaps = values.clone();
    gaps[10..15].fill(f64::NAN);
    gaps[30] = f64::INFINITY;
    let picture = drawn(&gaps, (40, 8), Dots::Braille);
    insta::assert_snapshot!("gaps", text(&picture));
    let counts = picture.lines[0].counts;
    assert_eq!((counts.points, counts.nan, counts.infinite), (40, 5, 1));
    assert_eq!(counts.in_words().unwrap(), "5 NaN, 1 infinite");
}

#[test]
fn a_spike_of_one_point_is_seen_at_any_width() {
    let mut values = vec![0.5; 100_000];
    values[61_803] = 9.0;
    for columns in [20, 37, 80, 200] {
        for dots in [Dots::Braille, Dots::Ascii] {
            let picture = drawn(&values, (columns, 10), dots);
            let greatest = picture.lines[0].greatest.unwrap();
            assert_eq!(greatest.row, 0, "{columns}");
            assert_ne!(picture.canvas.cell(greatest.column, 0).0, ' ', "{columns}");
            let share = (greatest.column as f64 + 0.5) / picture.canvas.columns() as f64;
            assert!((share - 0.618).abs() < 1.0 / picture.canvas.columns() as f64, "{columns}: {share}");
        }
    }
}

#[test]
fn repeated_steps_are_kept() {
    let points: Vec<MetricPoint> = [(0, 1.0), (1, 2.0), (1, 5.0), (1, 3.0), (2, 1.0)]
        .map(|(step, value)| MetricPoint { step, timestamp: 0, value })
        .to_vec();
    let trace = Trace::new(&points, trace::Scales::default());
    let spots = trace.spots((0.0, 2.0), Smoothing::default());
    assert_eq!(spots.len(), 5);
    assert_eq!(trace::thin(&spots, |x| x as i64).len(), 5);
    let last = trace.point(trace.at(1.0).unwrap());
    assert!((last.value - 3.0).abs() < f64::EPSILON, "MLflow's order: the last of a step");
}

#[test]
fn smoothing_is_the_debiased_average_of_the_field() {
    let points = history(&[1.0, 2.0, f64::NAN, 4.0]);
    let trace = Trace::new(&points, trace::Scales::default());
    let values = [0.0, 1.0, 2.0, 3.0].map(|x| trace.smoothed_at(Smoothing(0.6), x).unwrap());
    // TensorBoard's: last = last·w + (1 − w)·v, shown as last / (1 − wⁿ).
    assert!((values[0] - 1.0).abs() < 1e-12);
    assert!((values[1] - (0.4 * 0.6 + 0.8) / (1.0 - 0.36)).abs() < 1e-12);
    assert!((values[2] - values[1]).abs() < 1e-12);
    assert!((values[3] - ((0.4 * 0.6 + 0.8) * 0.6 + 1.6) / (1.0 - 0.216)).abs() < 1e-12);
    assert_eq!(trace.spots((0.0, 3.0), Smoothing(0.6))[2], Spot::Gap);
    assert_eq!(Smoothing::default().step(1).step(1), Smoothing(0.6));
    assert_eq!(Smoothing(0.99).step(1), Smoothing(0.99));
}

/// In few rows the nearest round number would be said of values that are far from it.
#[test]
fn a_low_chart_says_from_where_to_where_its_values_go() {
    let values = [1.75, 0.9, 0.3, 0.004];
    for rows in [4, 5, 6] {
        let picture = drawn(&values, (40, rows), Dots::Braille);
        let rows = picture.plot.rows;
        assert_eq!(picture.y_labels, [(0, "1.75".to_owned()), (rows - 1, "0.004".to_owned())]);
    }
    let picture = drawn(&values, (40, 8), Dots::Braille);
    assert!(picture.y_labels.iter().any(|(_, label)| label == "1"), "{:?}", picture.y_labels);
    let picture = drawn(&[0.5], (40, 5), Dots::Braille);
    assert_eq!(picture.y_labels, [(picture.plot.rows / 2, "0.5".to_owned())], "a single value in the middle");
}

#[test]
fn axes_have_round_numbers() {
    let labels = |low, high, most, unit, log| -> Vec<String> {
        ticks(low, high, most, unit, log).into_iter().map(|tick| tick.label).collect()
    };
    assert_eq!(labels(0.0, 1.0, 6, Unit::Number, false), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    assert_eq!(labels(0.0, 3.0, 9, Unit::Count, false), ["0", "1", "2", "3"]);
    assert_eq!(labels(0.0, 100_000.0, 5, Unit::Count, false), ["0", "50k", "100k"]);
    assert_eq!(labels(0.99991, 0.99996, 3, Unit::Number, false), ["0.99992", "0.99994", "0.99996"]);
    assert_eq!(labels(-4.0, 2.0, 4, Unit::Number, true), ["0.0001", "0.01", "1", "100"]);
    assert_eq!(labels(0.0, 0.5, 4, Unit::Number, true), ["1", "2", "3"]);
    assert_eq!(labels(0.0, 90_000.0, 4, Unit::Duration, false), ["0", "30s", "1m", "1m30s"]);
    assert_eq!(labels(0.0, 7.2e6, 3, Unit::Duration, false), ["0", "1h", "2h"]);
    assert_eq!(labels(f64::NEG_INFINITY, 1.0, 3, Unit::Number, false), Vec::<String>::new());
    assert_eq!(label(1_500_000.0, 500_000.0), "1.5M");
    assert_eq!(label(1_501.0, 1.0), "1501");
    assert_eq!(label(2e-7, 1e-7), "2e-7");
}

#[test]
fn a_window_shows_what_passes_through_it() {
    let points = history(&[0.0, 10.0]);
    let picture =
        picture(&[ChartLine::new(&points, 3)], &Options::default(), Some((0.4, 0.6)), (30, 6), Dots::Braille);
    let drawn = (0..picture.canvas.columns())
        .any(|column| (0..picture.canvas.rows()).any(|row| picture.canvas.cell(column, row).0 != ' '));
    assert!(drawn);
}

#[test]
fn an_svg_has_the_lines_the_ticks_and_the_names() {
    let points = history(&[1.0, f64::NAN, 3.0, 2.0]);
    let line = ChartLine::new(&points, 0);
    let svg = svg::svg(("val<loss>", "step"), &[(line, "a & b"), (line, "c")], &Options::default(), None);
    assert!(svg.contains("val&lt;loss&gt;") && svg.contains("a &amp; b") && svg.contains(">1.5<"));
    // The gap begins the line anew: a dot, then the rest.
    let paths: Vec<&str> = svg.lines().filter(|line| line.contains("url(#plot)")).collect();
    assert_eq!(paths.len(), 2);
    assert_eq!(paths[0].matches(['M']).count(), 2);
    assert_eq!(paths[0].matches(['L']).count(), 1);
}

#[test]
fn an_svg_is_xml_whatever_the_names() {
    let names = [
        "\u{fffe}\u{ffff}",
        "\u{0}\u{1}\u{1b}[31m\u{7f}\u{9b}",
        "]]><!--&#0;\"'",
        "\u{202e}\u{1fffe}\u{301}",
        "日本 & <b>",
    ];
    let points = history(&[1.0, 2.0]);
    let line = ChartLine::new(&points, 0);
    for name in names {
        let svg = svg::svg((name, "step"), &[(line, name)], &Options::default(), None);
        let tree = roxmltree::Document::parse(&svg).unwrap();
        let nodes = tree.descendants().filter(roxmltree::Node::is_text);
        let texts: Vec<&str> = nodes.filter_map(|node| node.text()).collect();
        assert_eq!(texts.iter().filter(|text| **text == crate::text::clean(name)).count(), 2, "{texts:?}");
    }
}

#[test]
fn odd_histories_draw_without_complaint() {
    let cases: [&[f64]; 9] = [
        &[],
        &[1.0],
        &[f64::NAN, f64::NAN],
        &[f64::MAX, f64::MIN],
        &[1.7e308, -1.7e308],
        &[f64::MIN_POSITIVE, 0.0],
        &[1e300, 1e300],
        &[-0.0, 0.0],
        &[f64::INFINITY],
    ];
    for values in cases {
        let points = history(values);
        for (columns, rows) in [(1, 1), (5, 2), (20, 4), (80, 24)] {
            for (log_x, log_y) in [(false, false), (true, true)] {
                for x in [XAxis::Step, XAxis::Relative, XAxis::Wall] {
                    for y_range in [YRange::All, YRange::Middle90] {
                        let smoothing = Smoothing(0.9);
                        let options = Options { x, log_x, log_y, smoothing, y_range, ..Options::default() };
                        let line = ChartLine::new(&points, 0);
                        picture(&[line, line], &options, None, (columns, rows), Dots::Braille);
                    }
                }
            }
        }
    }
}

/// A value, or one of those that cannot be drawn.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -1000.0..1000.0_f64,
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

proptest! {
    /// Extremes, gaps and the last value, read back from the dots.
    #[test]
    fn the_numbers_can_be_read_from_the_picture(
        values in prop::collection::vec(value(), 2..400),
        columns in 20_usize..120,
        rows in 4_usize..30,
        ascii in any::<bool>(),
    ) {
        let finite: Vec<(usize, f64)> =
            values.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
        prop_assume!(!finite.is_empty());
        let dots = if ascii { Dots::Ascii } else { Dots::Braille };
        let picture = drawn(&values, (columns, rows), dots);
        let canvas = &picture.canvas;
        let (width, height) = canvas.size();
        let one_dot = (picture.plot.y.high - picture.plot.y.low) / (height.max(2) - 1) as f64;
        let value_of = |y: usize| picture.plot.y.value((height - 1 - y) as f64);
        let rows_of = |x: usize| (0..height).filter(|y| canvas.is_set(x, *y)).collect::<Vec<_>>();
        let column_of = |step: usize| picture.plot.x.dot(step as f64).round() as usize;

        // The greatest and the least value of each column of dots are within half a dot of what is drawn there.
        for x in 0..width {
            let here: Vec<f64> =
                finite.iter().filter(|(step, _)| column_of(*step) == x).map(|(_, value)| *value).collect();
            let set = rows_of(x);
            if let (Some(top), Some(bottom)) = (set.first(), set.last()) {
                let greatest = here.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let least = here.iter().copied().fold(f64::INFINITY, f64::min);
                prop_assert!(here.is_empty() || value_of(*top) >= greatest - one_dot * 0.51);
                prop_assert!(here.is_empty() || value_of(*bottom) <= least + one_dot * 0.51);
            } else {
                prop_assert!(here.is_empty(), "a value in column {} is not drawn", x);
            }
        }
        let all = finite.iter().map(|(_, value)| *value);
        let (least, greatest) = (all.clone().fold(f64::INFINITY, f64::min), all.fold(f64::NEG_INFINITY, f64::max));
        let tops: Vec<usize> = (0..width).filter_map(|x| rows_of(x).first().copied()).collect();
        let bottoms: Vec<usize> = (0..width).filter_map(|x| rows_of(x).last().copied()).collect();
        prop_assert!((value_of(*tops.iter().min().unwrap()) - greatest).abs() <= one_dot * 0.51);
        prop_assert!((value_of(*bottoms.iter().max().unwrap()) - least).abs() <= one_dot * 0.51);

        // A gap as wide as a column of dots stays empty.
        for x in 0..width {
            let steps: Vec<usize> = (0..values.len()).filter(|step| (picture.plot.x.dot(*step as f64) - x as f64).abs() <= 1.5).collect();
            if !steps.is_empty() && steps.iter().all(|step| !values[*step].is_finite()) {
                prop_assert!(rows_of(x).is_empty(), "column {} is a gap", x);
            }
        }

        // The last value.
        let (step, last) = *finite.last().unwrap();
        let drawn = picture.lines[0].last.unwrap();
        let (wide, high) = dots.per_cell();
        prop_assert_eq!(drawn.column, column_of(step) / wide);
        let y = ((height - 1) as f64 - picture.plot.y.dot(last)).round() as usize;
        prop_assert_eq!(drawn.row, y / high);
        prop_assert!(canvas.is_set(column_of(step), y));
        let counts = picture.lines[0].counts;
        prop_assert_eq!(counts.nan + counts.infinite + finite.len(), values.len());
    }

    #[test]
    fn labels_never_touch(low in -1e6..1e6_f64, span in 1e-6..1e7_f64, columns in 20_usize..200, rows in 4_usize..40) {
        let points = vec![
            MetricPoint { step: low as i64, timestamp: 0, value: low },
            MetricPoint { step: (low + span) as i64 + 1, timestamp: span as i64 + 1, value: low + span },
        ];
        for x in [XAxis::Step, XAxis::Relative, XAxis::Wall] {
            let options = Options { x, ..Options::default() };
            let line = ChartLine::new(&points, 0);
            let picture = picture(&[line], &options, None, (columns, rows), Dots::Braille);
            let mut free = 0;
            for (start, label) in &picture.x_labels {
                prop_assert!(*start >= free, "{:?}", picture.x_labels);
                free = start + label.chars().count() + 1;
                prop_assert!(free <= picture.canvas.columns() + 1);
            }
            let mut rows_taken: Vec<usize> = picture.y_labels.iter().map(|(row, _)| *row).collect();
            rows_taken.sort_unstable();
            prop_assert!(rows_taken.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}

#[test]
fn times_at_the_ends_of_time_are_drawn() {
    let at = |timestamp| MetricPoint { step: 0, timestamp, value: 0.5 };
    let points = [at(i64::MIN), at(0), at(i64::MAX)];
    for x in [XAxis::Relative, XAxis::Wall] {
        let options = Options { x, ..Options::default() };
        let picture = picture(&[ChartLine::new(&points, 0)], &options, None, (60, 8), Dots::Braille);
        assert!(picture.canvas.columns() > 0, "{x:?}");
    }
    assert!(x_value(&points[2], XAxis::Relative, i64::MIN) > 9e18, "no time before the first");
}

#[test]
fn a_point_that_stands_alone_can_be_seen_in_pixels() {
    let pixels = |values: &[f64]| {
        let points = history(values);
        let lines = [ChartLine::new(&points, 0)];
        let cells = picture(&lines, &Options::default(), None, (40, 12), Dots::Braille);
        let drawn = raster::raster(&lines, &Options::default(), &cells, (200, 100));
        drawn.pixels.iter().flatten().filter(|ink| **ink != Ink::GRID).count()
    };
    let gap = f64::NAN;
    // Three by three each, and none at the edges is whole.
    let alone = pixels(&[0.0, gap, 1.0, gap, 0.5]);
    assert!((16..=27).contains(&alone), "{alone}");
    let line = pixels(&[0.0, 0.0, 0.0]);
    assert!((195..=210).contains(&line), "a line is as thin as ever: {line}");
}

#[test]
fn lines_that_meet_alternate_and_the_one_behind_gives_way() {
    let points = history(&[0.5; 40]);
    let line =
        |ink: Ink, letter| ChartLine { ink, label: LineLabel::letter(letter), ..ChartLine::new(&points, 0) };
    let lines = [line(Ink::of(3).faint(), 'c'), line(Ink::of(1), 'a'), line(Ink::of(2), 'b')];
    let picture = picture(&lines, &Options::default(), None, (40, 8), Dots::Braille);
    let canvas = &picture.canvas;
    let row = (0..canvas.rows()).find(|row| canvas.cell(10, *row).0 != ' ').unwrap();
    let inks: Vec<u8> = (10..14).map(|column| canvas.cell(column, row).1.line).collect();
    assert_eq!(inks, [1, 2, 1, 2]);
    // Labels stand beside the plot, one in a row.
    let mut ends: Vec<(usize, usize, &str)> =
        picture.ends.iter().map(|end| (end.place.row, end.place.column, end.text.as_str())).collect();
    ends.sort_unstable();
    assert_eq!(ends.iter().map(|end| end.2).collect::<String>().len(), 3);
    assert!(ends.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{ends:?}");
    assert!(ends.iter().all(|end| end.1 == canvas.columns()) && picture.plot.right == 1);
    assert_eq!(picture.plot.left + canvas.columns() + picture.plot.right, 40);
    // Nobody has to be told apart from others where there is one line.
    assert!(drawn(&[0.5; 40], (40, 8), Dots::Braille).ends.is_empty());
}

#[test]
fn a_dashed_line_has_gaps_and_its_points_by_themselves_do_not_vanish() {
    let set = |values: &[f64], stroke| {
        let points = history(values);
        let line = ChartLine { ink: Ink { stroke, ..Ink::of(1) }, ..ChartLine::new(&points, 1) };
        let canvas = picture(&[line], &Options::default(), None, (60, 8), Dots::Braille).canvas;
        let (width, height) = canvas.size();
        (0..width).filter(|x| (0..height).any(|y| canvas.is_set(*x, y))).count()
    };
    let line = [0.5; 200];
    let (solid, dashed, dotted) =
        (set(&line, Stroke::Solid), set(&line, Stroke::Dashed), set(&line, Stroke::Dotted));
    assert!(dotted * 3 < solid && dotted < dashed && dashed < solid, "{dotted} {dashed} {solid}");
    let alone: Vec<f64> = (0..40).map(|at| if at % 2 == 0 { 0.5 } else { f64::NAN }).collect();
    assert_eq!(set(&alone, Stroke::Dotted), set(&alone, Stroke::Solid));
}

#[test]
fn training_that_was_resumed_is_drawn_in_passes() {
    let point = |step: i64, timestamp: i64, value: f64| MetricPoint { step, timestamp, value };
    // Down to 0, and once more from 1: between the two there is nothing.
    let first = (0..20).map(|at| point(2 * at, at, 0.0));
    let second = (0..20).map(|at| point(15 + 2 * at, 100 + at, 1.0));
    let mut points: Vec<MetricPoint> = first.chain(second).collect();
    points.sort_by(crate::mlflow::order::by_step);
    let passes = passes::passes(&points);
    assert_eq!(passes.len(), 2);
    let middle = |passes: &[Vec<MetricPoint>], x| {
        let line = ChartLine { passes, ..ChartLine::new(&points, 0) };
        let options = Options { x, ..Options::default() };
        let picture = picture(&[line], &options, None, (60, 12), Dots::Braille);
        let canvas = &picture.canvas;
        assert_eq!(picture.lines[0].counts.points, 40);
        (0..canvas.columns()).filter(|column| canvas.cell(*column, canvas.rows() / 2).0 != ' ').count()
    };
    assert_eq!(middle(&passes, XAxis::Step), 0);
    assert!(middle(&[], XAxis::Step) > 10, "a zigzag");
    assert!(middle(&passes, XAxis::Wall) > 0, "by time it is one line");
    let line = ChartLine { passes: &passes, ..ChartLine::new(&points, 0) };
    let svg = svg::svg(("x", "step"), &[(line, "x")], &Options::default(), None);
    assert_eq!(svg.lines().filter(|line| line.contains("url(#plot)")).count(), 2);
}

#[test]
fn the_last_step_is_labelled_and_no_other_touches_it() {
    for (steps, columns) in [(40, 60), (101, 50), (1_000, 100), (12_346, 80), (3, 30)] {
        let picture = drawn(&vec![0.5; steps], (columns, 12), Dots::Braille);
        let (start, last) = picture.x_labels.last().unwrap();
        assert_eq!(*last, (steps - 1).to_string());
        assert_eq!(start + last.len(), picture.canvas.columns());
        let before = &picture.x_labels[picture.x_labels.len().saturating_sub(2)];
        assert!(picture.x_labels.len() < 2 || before.0 + before.1.len() < *start, "{:?}", picture.x_labels);
        assert_eq!(picture.x_ticks.unwrap().len(), picture.x_labels.len());
    }
    // A window ends somewhere.
    let points = history(&[0.5; 40]);
    let lines = [ChartLine::new(&points, 0)];
    let zoomed = picture(&lines, &Options::default(), Some((3.0, 17.0)), (60, 12), Dots::Braille);
    assert_ne!(zoomed.x_labels.last().unwrap().1, "17");
}

/// A falling line with a band of one to either side.
fn banded() -> (Vec<MetricPoint>, mean::Edges) {
    let points = history(&[10.0, 8.0, 6.0, 4.0]);
    let edges = |by: f64| points.iter().map(|point| point.value + by).collect();
    let band = mean::Edges { low: edges(-1.0), high: edges(1.0) };
    (points, band)
}

#[test]
fn a_band_lies_behind_its_line_and_within_the_axes() {
    let (points, edges) = banded();
    let line = ChartLine { edges: Some(&edges), ..ChartLine::new(&points, 0) };
    for dots in [Dots::Braille, Dots::Ascii] {
        let picture = picture(&[line], &Options::default(), None, (40, 12), dots);
        assert!(picture.plot.y.low <= 3.0 && picture.plot.y.high >= 11.0);
        let cells = (0..picture.plot.columns).flat_map(|x| (0..picture.plot.rows).map(move |y| (x, y)));
        let inks = cells.map(|(x, y)| picture.canvas.cell(x, y)).filter(|(c, _)| *c != ' ');
        let (faint, clear): (Vec<_>, Vec<_>) = inks.partition(|(_, ink)| ink.is_faint);
        assert!(faint.len() > 10 && clear.len() > 10, "{} {}", faint.len(), clear.len());
        let raster = raster::raster(&[line], &Options::default(), &picture, (400, 200));
        let faint = raster.pixels.iter().flatten().filter(|ink| ink.is_faint && ink.line == 0).count();
        assert!(faint > 1_000, "{faint}");
    }
    // What a logarithmic axis cannot show of it reaches down to its end.
    let low = mean::Edges { low: vec![-1.0; 4], ..edges.clone() };
    let line = ChartLine { edges: Some(&low), ..line };
    let options = Options { log_y: true, ..Options::default() };
    let picture = picture(&[line], &options, None, (40, 12), Dots::Braille);
    assert!((0..picture.plot.columns - 1).all(|x| picture.canvas.cell(x, picture.plot.rows - 1).0 != ' '));
    let svg = svg::svg(("x", "step"), &[(line, "mean")], &options, None);
    assert_eq!(svg.matches("fill-opacity=\"0.15\"").count(), 1, "{svg}");
    roxmltree::Document::parse(&svg).unwrap();
}

#[test]
fn a_history_is_drawn_over_another_metric() {
    let points = history(&[9.0, 7.0, 5.0, 3.0]);
    let rates = history(&[0.1, 0.2, 0.1]);
    let over = over::Over::new(&points, &[], &rates);
    let (line, options) = (
        ChartLine { over: Some(&over), ..ChartLine::new(&points, 0) },
        Options { x: XAxis::Metric, ..Options::default() },
    );
    let drawn = picture(&[line], &options, None, (40, 12), Dots::Braille);
    assert_eq!(
        (drawn.plot.x.low.to_bits(), drawn.plot.x.high.to_bits()),
        (0.1_f64.to_bits(), 0.2_f64.to_bits())
    );
    assert_eq!(
        (drawn.lines[0].counts.unmatched, drawn.lines[0].counts.in_words()),
        (1, Some("1 without x".into()))
    );
    let traces = line.traces(options.scales());
    assert_eq!(traces.len(), 2, "it goes back");
    assert_eq!(trace::extent(&traces), Some((0.1, 0.2)));
    assert_eq!(trace::neighbour(&traces, 0.1, 0.01, true), Some(0.2));
    // Training ends where the second stretch begins.
    assert_eq!(traces[1].at(traces[1].end()).map(|at| traces[1].point(at).step), Some(2));
    let smoothed = traces[1].smoothed_at(Smoothing(0.6), traces[1].end()).unwrap();
    assert!((smoothed - (0.4 * 0.6 * 7.0 + 0.4 * 5.0) / (1.0 - 0.36)).abs() < 1e-9, "{smoothed}");
    // Epochs are counted.
    let epochs = history(&[0.0, 1.0, 2.0, 3.0]);
    let over = over::Over::new(&points, &[], &epochs);
    let line = ChartLine { over: Some(&over), ..line };
    let drawn = picture(&[line], &options, None, (60, 12), Dots::Braille);
    let labels: Vec<&str> = drawn.x_labels.iter().map(|(_, label)| label.as_str()).collect();
    assert_eq!(labels, ["0", "1", "2", "3"]);
}
