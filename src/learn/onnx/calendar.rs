//! Dates as operators: from texts to seconds since 1970, and to parts by the same sums as in [`crate::learn::calendar`].

use super::graph::{Graph, Type, Wire, int, ints, text, texts};
use crate::learn::calendar::{DAY, TimePart};
use crate::learn::data::{ColumnKind, DataColumn, DateOrder, Dates};

/// Sums of columns with numbers.
struct Sums<'a>(&'a mut Graph);

impl Sums<'_> {
    fn with(&mut self, kind: &str, wire: &str, number: f64) -> Wire {
        let number = self.0.doubles(&[1], [number]);
        self.0.node(kind, &[wire, &number], Vec::new())
    }

    fn both(&mut self, kind: &str, a: &str, b: &str) -> Wire {
        self.0.node(kind, &[a, b], Vec::new())
    }

    /// How often a number goes into a column, whole.
    fn times(&mut self, wire: &str, number: f64) -> Wire {
        let over = self.with("Div", wire, number);
        self.0.node("Floor", &[&over], Vec::new())
    }
}

/// The year, the month and the day of days since 1970.
fn civil(sums: &mut Sums<'_>, days: &str) -> [Wire; 3] {
    let shifted = sums.with("Add", days, 719_468.0);
    let era = sums.times(&shifted, 146_097.0);
    let before = sums.with("Mul", &era, 146_097.0);
    let of_era = sums.both("Sub", &shifted, &before);
    let fours = sums.times(&of_era, 1_460.0);
    let hundreds = sums.times(&of_era, 36_524.0);
    let whole = sums.times(&of_era, 146_096.0);
    let leaps = sums.both("Sub", &fours, &hundreds);
    let leaps = sums.both("Add", &leaps, &whole);
    let without = sums.both("Sub", &of_era, &leaps);
    let year_of_era = sums.times(&without, 365.0);
    let days_before = sums.with("Mul", &year_of_era, 365.0);
    let fourths = sums.times(&year_of_era, 4.0);
    let hundredths = sums.times(&year_of_era, 100.0);
    let days_before = sums.both("Add", &days_before, &fourths);
    let days_before = sums.both("Sub", &days_before, &hundredths);
    let of_year = sums.both("Sub", &of_era, &days_before);
    let fives = sums.with("Mul", &of_year, 5.0);
    let fives = sums.with("Add", &fives, 2.0);
    let from_march = sums.times(&fives, 153.0);
    let till_month = sums.with("Mul", &from_march, 153.0);
    let till_month = sums.with("Add", &till_month, 2.0);
    let till_month = sums.times(&till_month, 5.0);
    let day = sums.both("Sub", &of_year, &till_month);
    let day = sums.with("Add", &day, 1.0);
    let is_next = sums.times(&from_march, 10.0);
    let month = sums.with("Add", &from_march, 3.0);
    let year_of_months = sums.with("Mul", &is_next, 12.0);
    let month = sums.both("Sub", &month, &year_of_months);
    let years = sums.with("Mul", &era, 400.0);
    let year = sums.both("Add", &year_of_era, &years);
    [sums.both("Add", &year, &is_next), month, day]
}

/// The piece of that number of texts that come apart at something.
fn piece(graph: &mut Graph, texts: &str, at: char, number: usize) -> Wire {
    pieces(graph, texts, &at.to_string(), [number]).swap_remove(0)
}

fn pieces(graph: &mut Graph, texts: &str, at: &str, numbers: impl IntoIterator<Item = usize>) -> Vec<Wire> {
    let all = graph.outputs("StringSplit", "", &[texts], vec![text("delimiter", at)], 2).swap_remove(0);
    let mut piece = |number: usize| {
        let number = graph.integers(&[], [number as i64]);
        graph.node("Gather", &[&all, &number], vec![int("axis", 1)])
    };
    numbers.into_iter().map(&mut piece).collect()
}

/// Columns of seconds since 1970, and of whether there is none, in whose place the base stands. `input` has a text a row.
pub fn moments(graph: &mut Graph, input: &str, column: &DataColumn, base: f64) -> (Wire, Wire) {
    let dates = if let ColumnKind::Time(dates) = column.kind { dates } else { Dates::DAYS };
    // An empty text is a gap, and so is each word that was one in the data.
    let words: Vec<String> =
        column.gap_words.iter().map(|(word, _)| word.clone()).chain([String::new()]).collect();
    let ones = vec![1; words.len()];
    let settings = vec![texts("keys_strings", words), ints("values_int64s", ones), int("default_int64", 0)];
    let is_gap = graph.ml("LabelEncoder", &[input], settings);
    let is_gap = graph.cast(&is_gap, Type::Bool);
    let first = graph.texts(&[dates.written(base)]);
    let filled = graph.node("Where", &[&is_gap, &first, input], Vec::new());
    let (date, seconds) = match dates.clock {
        None => (filled, None),
        Some(clock) => {
            let [date, time] = [0, 1].map(|number| piece(graph, &filled, clock.before, number));
            let time = match clock.zone {
                // What stands apart came apart with the date already.
                Some(zone) if zone.is_apart && clock.before == ' ' => time,
                Some(zone) if zone.is_apart => piece(graph, &time, ' ', 0),
                Some(zone) => pieces(graph, &time, &zone.text(), [0]).swap_remove(0),
                None => time,
            };
            let count = if clock.has_seconds { 3 } else { 2 };
            let mut sums = Sums(graph);
            let times = pieces(sums.0, &time, ":", 0..count);
            let mut total: Option<Wire> = None;
            for (part, size) in times.iter().zip([3_600.0, 60.0, 1.0]) {
                let number = sums.0.cast(part, Type::Double);
                let seconds = sums.with("Mul", &number, size);
                total = Some(match total {
                    Some(before) => sums.both("Add", &before, &seconds),
                    None => seconds,
                });
            }
            (date, total)
        }
    };
    let parts = pieces(graph, &date, &dates.separator.to_string(), 0..3);
    let numbers: Vec<Wire> = parts.iter().map(|part| graph.cast(part, Type::Double)).collect();
    let [year, month, day] = match dates.order {
        DateOrder::Year => [0, 1, 2],
        DateOrder::Day => [2, 1, 0],
        DateOrder::Month => [2, 0, 1],
    };
    let mut sums = Sums(graph);
    let days = days(&mut sums, [&numbers[year], &numbers[month], &numbers[day]]);
    let midnight = sums.with("Mul", &days, DAY);
    let moments = match seconds {
        Some(seconds) => sums.both("Add", &midnight, &seconds),
        None => midnight,
    };
    (graph.reshape(&moments, &[-1, 1]), graph.reshape(&is_gap, &[-1, 1]))
}

/// Days since 1970 of a date (Hinnant's `days_from_civil`).
fn days(sums: &mut Sums<'_>, [year, month, day]: [&str; 3]) -> Wire {
    // 1 in January and February, which belong to the year before.
    let is_early = sums.with("Sub", month, 14.0);
    let is_early = sums.0.node("Neg", &[&is_early], Vec::new());
    let is_early = sums.times(&is_early, 12.0);
    let year = sums.both("Sub", year, &is_early);
    let era = sums.times(&year, 400.0);
    let before = sums.with("Mul", &era, 400.0);
    let of_era = sums.both("Sub", &year, &before);
    let twelve = sums.with("Mul", &is_early, 12.0);
    let from_march = sums.both("Add", month, &twelve);
    let from_march = sums.with("Sub", &from_march, 3.0);
    let of_year = sums.with("Mul", &from_march, 153.0);
    let of_year = sums.with("Add", &of_year, 2.0);
    let of_year = sums.times(&of_year, 5.0);
    let of_year = sums.both("Add", &of_year, day);
    let years = sums.with("Mul", &of_era, 365.0);
    let fourths = sums.times(&of_era, 4.0);
    let hundredths = sums.times(&of_era, 100.0);
    let days = sums.both("Add", &years, &fourths);
    let days = sums.both("Sub", &days, &hundredths);
    let days = sums.both("Add", &days, &of_year);
    let eras = sums.with("Mul", &era, 146_097.0);
    let days = sums.both("Add", &eras, &days);
    sums.with("Sub", &days, 719_469.0)
}

/// Parts of dates in single precision, a column each. `moments` is a column of seconds since 1970, without gaps.
pub fn parts(graph: &mut Graph, moments: &str, base: f64, parts: &[TimePart]) -> Wire {
    let mut sums = Sums(graph);
    let days = sums.times(moments, DAY);
    let midnight = sums.with("Mul", &days, DAY);
    let of_day = sums.both("Sub", moments, &midnight);
    let hour = sums.times(&of_day, 3_600.0);
    let from_monday = sums.with("Add", &days, 3.0);
    let weeks = sums.times(&from_monday, 7.0);
    let weeks = sums.with("Mul", &weeks, 7.0);
    let weekday = sums.both("Sub", &from_monday, &weeks);
    let [year, month, day] = civil(&mut sums, &days);
    let mut columns = Vec::with_capacity(parts.len());
    for part in parts {
        let number = match part {
            TimePart::Elapsed => {
                let since = sums.with("Sub", moments, base);
                sums.with("Div", &since, DAY)
            }
            TimePart::Year => year.clone(),
            TimePart::Month | TimePart::MonthSin | TimePart::MonthCos => month.clone(),
            TimePart::Day => day.clone(),
            TimePart::Weekday | TimePart::WeekdaySin | TimePart::WeekdayCos => weekday.clone(),
            TimePart::Hour | TimePart::HourSin | TimePart::HourCos => hour.clone(),
        };
        columns.push(match part.circle() {
            None => sums.0.cast(&number, Type::Float),
            Some((first, count)) => {
                let place = sums.with("Sub", &number, first);
                let place = sums.0.cast(&place, Type::Int64);
                let circle = sums.0.floats(&[count], (0..count).map(|at| part.on_circle(at, count)));
                sums.0.node("Gather", &[&circle, &place], Vec::new())
            }
        });
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    graph.node("Concat", &columns, vec![int("axis", 1)])
}
