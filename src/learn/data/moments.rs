//! Dates and times as they are written: as ISO 8601 has them, or with the day or the month first.

/// What stands first in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// As in 2026-11-29, with `-`, `/` or `.`.
    Year,
    /// As in 29.11.2026, 29/11/2026 or 29-11-2026.
    Day,
    /// As in 11/29/2026 or 11-29-2026.
    Month,
}

pub const ORDERS: [DateOrder; 3] = [DateOrder::Year, DateOrder::Day, DateOrder::Month];

/// How dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// What stands first.
    pub order: DateOrder,
    /// Between year, month and day.
    pub separator: char,
    /// Where they have a time of day.
    pub clock: Option<Clock>,
}

/// How a time of day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Before it: `T` or a space.
    pub before: char,
    /// Whether it has seconds.
    pub has_seconds: bool,
    /// How far it is from UTC.
    pub zone: Option<Zone>,
}

/// A distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Minutes that a clock is before UTC.
    minutes: i16,
    form: ZoneForm,
    /// Whether a space stands before it.
    pub is_apart: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZoneForm {
    /// `Z`.
    Letter,
    /// `+02:00`.
    Colon,
    /// `+0200`.
    Digits,
    /// `+02`.
    Hours,
}

impl Zone {
    /// As it is written.
    pub fn text(self) -> String {
        let (sign, size) = (if self.minutes < 0 { '-' } else { '+' }, self.minutes.unsigned_abs());
        let (hours, minutes) = (size / 60, size % 60);
        match self.form {
            ZoneForm::Letter => "Z".into(),
            ZoneForm::Colon => format!("{sign}{hours:02}:{minutes:02}"),
            ZoneForm::Digits => format!("{sign}{hours:02}{minutes:02}"),
            ZoneForm::Hours => format!("{sign}{hours:02}"),
        }
    }

    fn of(text: &str, is_apart: bool) -> Option<Self> {
        if text == "Z" {
            return Some(Self { minutes: 0, form: ZoneForm::Letter, is_apart });
        }
        let (sign, rest) = text.split_at_checked(1)?;
        let (hours, minutes, form) = match rest.len() {
            5 if rest.as_bytes()[2] == b':' => (rest.get(..2)?, rest.get(3..)?, ZoneForm::Colon),
            4 => (rest.get(..2)?, rest.get(2..)?, ZoneForm::Digits),
            2 => (rest, "00", ZoneForm::Hours),
            _ => return None,
        };
        let minutes = number(hours, 2, 2)? * 60 + number(minutes, 2, 2)?;
        let zone = Self { minutes: if sign == "-" { -minutes } else { minutes }, form, is_apart };
        // What is not written again in the same way, as -00:00, is none.
        (zone.text() == text).then_some(zone)
    }
}

impl Dates {
    /// As time stamps of a file that knows such are written.
    pub const STAMPS: Self = Self {
        order: DateOrder::Year,
        separator: '-',
        clock: Some(Clock { before: 'T', has_seconds: true, zone: None }),
    };
    /// As its dates are.
    pub const DAYS: Self = Self { order: DateOrder::Year, separator: '-', clock: None };

    /// Seconds since 1970 as text that is read back as the same.
    pub fn written(self, seconds: f64) -> String {
        let micros = (seconds * 1e6).round();
        let Ok(at) = jiff::Timestamp::from_microsecond(micros as i64) else { return String::new() };
        let between = self.separator;
        let date = match self.order {
            DateOrder::Year => format!("%Y{between}%m{between}%d"),
            DateOrder::Day => format!("%d{between}%m{between}%Y"),
            DateOrder::Month => format!("%m{between}%d{between}%Y"),
        };
        let time = self.clock.map_or(String::new(), |Clock { before, has_seconds, zone }| {
            let seconds = if has_seconds { ":%S%.f" } else { "" };
            let zone = zone.map_or(String::new(), |zone| {
                format!("{}{}", if zone.is_apart { " " } else { "" }, zone.text())
            });
            format!("{before}%H:%M{seconds}{zone}")
        });
        at.strftime(&format!("{date}{time}")).to_string()
    }
}

/// A date that was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// How it is written.
    pub dates: Dates,
    /// Seconds from 1970, as the clock there has it.
    pub local: f64,
    /// The same in UTC, if it says how far it is from that.
    pub utc: f64,
}

/// How all dates of a column are written, in each order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateScan([DatesSeen; 3]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum DatesSeen {
    #[default]
    None,
    All(Dates),
    Others,
}

impl DateScan {
    /// Takes note of one more text.
    pub fn look(&mut self, text: &str) {
        for (seen, order) in self.0.iter_mut().zip(ORDERS) {
            let found = if *seen == DatesSeen::Others { None } else { moment(text, order) };
            *seen = match (found, *seen) {
                (Some(found), DatesSeen::None) => DatesSeen::All(found.dates),
                (Some(found), DatesSeen::All(dates)) if found.dates == dates => *seen,
                _ => DatesSeen::Others,
            };
        }
    }

    /// How all are written; none if they are not all dates, or if 1/2/2026 could be either.
    pub fn only(self) -> Option<Dates> {
        let mut possible = self.0.into_iter().filter_map(|seen| match seen {
            DatesSeen::All(dates) => Some(dates),
            DatesSeen::None | DatesSeen::Others => None,
        });
        let dates = possible.next()?;
        possible.next().is_none().then_some(dates)
    }
}

/// A date that has that order.
pub fn moment(text: &str, order: DateOrder) -> Option<Moment> {
    // Most texts are no dates, and that is soon seen.
    if !(8..=40).contains(&text.len()) || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let Some(end) = text.find(['T', ' ']) else {
        let (separator, days) = days(text, order)?;
        let local = days * 86_400.0;
        return Some(Moment { dates: Dates { order, separator, clock: None }, local, utc: local });
    };
    let (separator, days) = days(&text[..end], order)?;
    let before = if text.as_bytes()[end] == b'T' { 'T' } else { ' ' };
    let (clock, of_day) = time_of_day(&text[end + 1..], before)?;
    let local = days * 86_400.0 + of_day;
    let offset = clock.zone.map_or(0.0, |zone| f64::from(zone.minutes) * 60.0);
    Some(Moment { dates: Dates { order, separator, clock: Some(clock) }, local, utc: local - offset })
}

/// A whole number of so many digits.
fn number(text: &str, least: usize, most: usize) -> Option<i16> {
    let is_one = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { text.parse().ok() } else { None }
}

/// What stands between its parts, and days since 1970.
fn days(date: &str, order: DateOrder) -> Option<(char, f64)> {
    let separator = date.chars().find(|letter| matches!(letter, '-' | '/' | '.'))?;
    let mut parts = date.split(separator);
    let parts = [parts.next()?, parts.next()?, parts.next().filter(|_| parts.next().is_none())?];
    let [year, month, day] = match order {
        DateOrder::Year => parts,
        DateOrder::Day => [parts[2], parts[1], parts[0]],
        // Nobody writes so with dots.
        DateOrder::Month if separator == '.' => return None,
        DateOrder::Month => [parts[2], parts[0], parts[1]],
    };
    let year = number(year, 4, 4)?;
    let (month, day) = (i8::try_from(number(month, 1, 2)?).ok()?, i8::try_from(number(day, 1, 2)?).ok()?);
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    let since = date.duration_since(jiff::civil::Date::constant(1970, 1, 1));
    Some((separator, (since.as_secs() / 86_400) as f64))
}

/// Seconds since midnight.
fn time_of_day(text: &str, before: char) -> Option<(Clock, f64)> {
    let (time, zone) = match text.find(['Z', '+', '-']) {
        Some(at) => {
            let time = &text[..at];
            let is_apart = time.ends_with(' ');
            (time.strip_suffix(' ').unwrap_or(time), Some(Zone::of(&text[at..], is_apart)?))
        }
        None => (text, None),
    };
    let mut parts = time.split(':');
    let two = |part: Option<&str>, most: i16| number(part?, 2, 2).filter(|number| *number <= most);
    let (hour, minute) = (two(parts.next(), 23)?, two(parts.next(), 59)?);
    let second = parts.next();
    let seconds = match second {
        None => 0.0,
        Some(second) => {
            let (whole, fraction) = second.split_once('.').unwrap_or((second, "0"));
            let is_fraction =
                (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
            two(Some(whole), 59).filter(|_| is_fraction)?;
            second.parse().ok()?
        }
    };
    let clock = Clock { before, has_seconds: second.is_some(), zone };
    parts.next().is_none().then(|| (clock, f64::from(hour) * 3_600.0 + f64::from(minute) * 60.0 + seconds))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written_and_written_as_they_were_read() {
        for (text, order, expected) in [
            ("1970-01-02", DateOrder::Year, Some(86_400.0)),
            ("1969/12/31", DateOrder::Year, Some(-86_400.0)),
            ("2026-11-29T10:18:02", DateOrder::Year, Some(1_795_947_482.0)),
            ("2026-11-29 10:18:02.25", DateOrder::Year, Some(1_795_947_482.25)),
            ("2026-11-29T10:18Z", DateOrder::Year, Some(1_795_947_480.0)),
            ("2026-11-29T12:18:02+02:00", DateOrder::Year, Some(1_795_947_482.0)),
            ("2026-11-29T12:18:02+02", DateOrder::Year, Some(1_795_947_482.0)),
            ("2026-11-29 05:48:02 -0430", DateOrder::Year, Some(1_795_947_482.0)),
            ("29.11.2026", DateOrder::Day, Some(1_795_910_400.0)),
            ("29/11/2026 10:18", DateOrder::Day, Some(1_795_947_480.0)),
            ("11/29/2026", DateOrder::Month, Some(1_795_910_400.0)),
            ("11.29.2026", DateOrder::Month, None),
            ("29/11/26", DateOrder::Day, None),
            ("2026-02-29", DateOrder::Year, None),
            ("2026-13-01", DateOrder::Year, None),
            ("2026-11-29T", DateOrder::Year, None),
            ("2026-11-29T24:00", DateOrder::Year, None),
            ("2026-11-29T10", DateOrder::Year, None),
            ("2026-11-29T10:18:02x", DateOrder::Year, None),
            ("2026-11-29T10:18\u{e9}", DateOrder::Year, None),
            ("2026-11-29T10:18+\u{e9}00", DateOrder::Year, None),
            ("2026-11-29T10:18-00:00", DateOrder::Year, None),
            ("20261129", DateOrder::Year, None),
            ("1.2.3", DateOrder::Day, None),
        ] {
            let found = moment(text, order);
            assert_eq!(found.map(|found| found.utc), expected, "{text}");
            if let Some(found) = found {
                assert_eq!(found.dates.written(found.local), text);
            }
        }
        let short = moment("1/2/2026", DateOrder::Month).unwrap();
        assert_eq!(short.dates.written(short.local), "01/02/2026");
        assert_eq!(Dates::STAMPS.written(1_795_947_482.5), "2026-11-29T10:18:02.5");
    }

    #[test]
    fn all_dates_of_a_column_are_written_alike() {
        let of = |texts: &[&str]| {
            let mut scan = DateScan::default();
            for text in texts {
                scan.look(text);
            }
            scan.only().map(|dates| dates.order)
        };
        assert_eq!(of(&["2026-01-02", "2026-01-03"]), Some(DateOrder::Year));
        assert_eq!(of(&["01/02/2026", "13/02/2026"]), Some(DateOrder::Day));
        assert_eq!(of(&["01/02/2026", "02/13/2026"]), Some(DateOrder::Month));
        assert_eq!(of(&["01.02.2026"]), Some(DateOrder::Day));
        assert_eq!(of(&["2026-01-02T10:00:01", "2026-01-02T10:00:01.5"]), Some(DateOrder::Year));
        for texts in [
            &["01/02/2026"][..],
            &["2026-01-02", "x"],
            &["2026-01-02", "2026-01-02T10:00"],
            &["2026-01-02", "2026/01/02"],
            &["2026-01-02T10:00+01:00", "2026-07-02T10:00+02:00"],
            &[],
        ] {
            assert_eq!(of(texts), None, "{texts:?}");
        }
    }
}
