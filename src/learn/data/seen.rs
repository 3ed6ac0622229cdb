//! What the cells of a column say that it holds: numbers, truth values or texts, and which of them are gaps.

use super::ColumnKind;
use super::moments::{DateScan, Dates};
use super::numerals::{DecimalMark, Notation, notation};

/// Words that stand for nothing: pandas' own list, and the question mark of older archives. Among texts those of
/// [`AMONG_NUMBERS`] are words like any other.
const GAPS: [&str; 18] = [
    "?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "#N/A N/A",
    "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
];
const AMONG_NUMBERS: [&str; 9] = ["None", "none", "Null", "na", "n.a.", "N.A.", "-", "--", "."];

/// What a column has been seen to hold.
#[derive(Debug, Clone, Default)]
pub struct ColumnScan {
    /// Numbers with either mark, with one only, and with either but not the same.
    plain: u64,
    points: u64,
    commas: u64,
    either: u64,
    /// Those of `plain` that a data frame would read as 64-bit integers.
    integers: u64,
    truths: u64,
    texts: u64,
    /// Dates of a file that knows such, and those of them without a time of day.
    stamps: u64,
    days: u64,
    /// How all of the texts are written, if they are dates.
    dates: DateScan,
    empty: u64,
    /// Words that stand for nothing.
    words: u64,
    /// The first of each, by its line.
    first_text: Option<(u64, String)>,
    first_point: Option<(u64, String)>,
    first_comma: Option<(u64, String)>,
    first_either: Option<(u64, String)>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnContent {
    pub kind: ColumnKind,
    pub gaps: Gaps,
    /// Whether it holds truth values, as texts where there are gaps among them.
    pub truths: bool,
    pub mark: DecimalMark,
}

/// Which cells of a column say that there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Among numbers and truth values: empty ones, and every word for nothing.
    Words,
    /// Among texts: the same but for those that are levels there, such as `None`.
    AllButNone,
    /// Among what was said to be categories: empty ones.
    Empty,
}

impl Gaps {
    pub fn has(self, cell: &str) -> bool {
        cell.is_empty()
            || match self {
                Self::Words => is_word(cell),
                Self::AllButNone => GAPS.contains(&cell),
                Self::Empty => false,
            }
    }
}

fn is_word(cell: &str) -> bool {
    cell.len() <= 8 && (AMONG_NUMBERS.contains(&cell) || GAPS.contains(&cell))
}

pub fn truth(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The level that a truth value is where there are gaps: spelled as Python does, whatever the file does.
pub fn spelled(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

impl ColumnScan {
    /// Takes note of a cell of a file of text.
    pub fn look(&mut self, cell: &str, line: u64) {
        let start = || (line, cell.chars().take(40).collect());
        if cell.is_empty() {
            self.empty += 1;
        } else if is_word(cell) {
            self.words += 1;
        } else {
            match notation(cell) {
                Notation::Plain => {
                    self.plain += 1;
                    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
                    let is_whole = digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
                    self.integers += u64::from(is_whole);
                }
                Notation::With(DecimalMark::Point) => {
                    self.points += 1;
                    self.first_point.get_or_insert_with(start);
                }
                Notation::With(DecimalMark::Comma) => {
                    self.commas += 1;
                    self.first_comma.get_or_insert_with(start);
                }
                Notation::Either => {
                    self.either += 1;
                    self.first_either.get_or_insert_with(start);
                }
                Notation::Text => {
                    if truth(cell).is_some() {
                        self.truths += 1;
                    } else {
                        self.texts += 1;
                        self.dates.look(cell);
                    }
                    self.first_text.get_or_insert_with(start);
                }
            }
        }
    }

    pub fn look_at_number(&mut self, is_whole: bool) {
        self.plain += 1;
        self.integers += u64::from(is_whole);
    }

    pub fn look_at_truth(&mut self) {
        self.truths += 1;
    }

    pub fn look_at_text(&mut self, text: &str) {
        self.texts += 1;
        self.dates.look(text);
    }

    pub fn look_at_stamp(&mut self, is_day: bool) {
        self.stamps += 1;
        self.days += u64::from(is_day);
    }

    pub fn look_at_gap(&mut self) {
        self.empty += 1;
    }

    pub fn look_at_gaps(&mut self, count: usize) {
        self.empty += count as u64;
    }

    fn numbers(&self, mark: DecimalMark) -> u64 {
        self.plain + self.either + if mark == DecimalMark::Point { self.points } else { self.commas }
    }

    fn filled(&self) -> u64 {
        self.plain + self.points + self.commas + self.either + self.truths + self.texts + self.stamps
    }

    /// The mark that a column of numbers can only have been written with.
    pub fn mark(&self) -> Option<DecimalMark> {
        let of = |mark, count| count > 0 && self.numbers(mark) == self.filled();
        if of(DecimalMark::Point, self.points) {
            Some(DecimalMark::Point)
        } else {
            of(DecimalMark::Comma, self.commas).then_some(DecimalMark::Comma)
        }
    }

    /// The mark with which more of it are numbers.
    pub fn likely_mark(&self) -> DecimalMark {
        if self.commas > self.points { DecimalMark::Comma } else { DecimalMark::Point }
    }

    /// A cell of a column of numbers that does not tell by itself what it is: its line, and the cell.
    pub fn doubtful(&self) -> Option<&(u64, String)> {
        let is_numbers = self.mark().is_none() && self.plain + self.either == self.filled();
        self.first_either.as_ref().filter(|_| is_numbers)
    }

    /// What the column holds; an error where it is mostly numbers and has a text among them. None if it is empty.
    pub fn holds(
        &self,
        is_categorical: bool,
        mark: DecimalMark,
    ) -> Result<Option<ColumnContent>, (u64, String)> {
        let filled = self.filled();
        let holds = |kind, gaps| Ok(Some(ColumnContent { kind, gaps, truths: false, mark }));
        if is_categorical {
            return if filled + self.words == 0 { Ok(None) } else { holds(ColumnKind::Text, Gaps::Empty) };
        }
        if filled == 0 {
            return Ok(None);
        }
        let has_gaps = self.empty + self.words > 0;
        if self.truths == filled {
            let kind = if has_gaps { ColumnKind::Text } else { ColumnKind::Boolean };
            return Ok(Some(ColumnContent { kind, gaps: Gaps::Words, truths: true, mark }));
        }
        if self.stamps == filled {
            let dates = if self.days == filled { Dates::DAYS } else { Dates::STAMPS };
            return holds(ColumnKind::Time(dates), Gaps::Words);
        }
        if self.texts == filled
            && let Some(dates) = self.dates.only()
        {
            return holds(ColumnKind::Time(dates), Gaps::Words);
        }
        let numbers = self.numbers(mark);
        if numbers == filled {
            let is_whole = self.integers == filled && !has_gaps;
            return holds(if is_whole { ColumnKind::Integer } else { ColumnKind::Real }, Gaps::Words);
        }
        // Mostly numbers, with whichever mark: one that was said, and is not the file's, makes no texts of them.
        let most = numbers.max(self.numbers(self.likely_mark()));
        if most * 2 > filled
            && let Some((line, text)) = &self.first_text
        {
            return Err((*line, among(text, most)));
        }
        // Numbers with points and numbers with commas are no texts, however many there are of each.
        let other = if mark == DecimalMark::Point { &self.first_comma } else { &self.first_point };
        if self.truths + self.texts == 0
            && let Some((line, text)) = other
        {
            return Err((*line, among(text, numbers)));
        }
        holds(ColumnKind::Text, Gaps::AllButNone)
    }
}

fn among(text: &str, numbers: u64) -> String {
    format!(
        "{text:?} among {numbers} numbers; correct it, leave it empty, or declare the column categorical with --categorical (or categorical in [sweep] of the config file)"
    )
}
