//! What the cells of a comparison say.

use std::borrow::Cow;

use ratatui::style::{Modifier, Style};

use crate::catalog::{Bound, Value};
use crate::chart::axis::Unit;
use crate::compare::axes::{cell_words, difference_words};
use crate::compare::{CompareCell, Comparison, Entry, EntryKind, difference};
use crate::select::Goal;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::signs::RunBadges;
use crate::tui::features::compare::{CompareScreen, Show};
use crate::tui::widgets::theme::{Theme, letter};

/// What all cells have in common.
pub struct MemberCells<'a> {
    pub screen: &'a CompareScreen,
    pub comparison: &'a Comparison,
    /// The member that others are compared with.
    pub base: Option<usize>,
    badges: &'a RunBadges,
    best_run: Option<&'a str>,
    /// The cells of letters.
    pub letters: usize,
    now: i64,
}

/// Cells of the aliases behind a name, at most, and of the word behind the baseline's.
const BADGES: usize = 14;
pub const BASE: &str = " base";

/// What a cell says, and how.
pub struct CellText {
    pub words: String,
    pub is_best: bool,
    /// Of a number the cells from its decimal point on.
    pub tail: Option<usize>,
    pub style: fn(&Theme) -> Style,
}

/// The cells of a number from its decimal point on, with its unit and what is told behind it.
fn tail(number: &str) -> usize {
    let digits = number.trim_start_matches(['+', '-']).trim_start_matches(|c: char| c.is_ascii_digit());
    text::width(digits)
}

impl CellText {
    /// Cells that it takes, the sign of the best among them.
    pub fn width(&self) -> usize {
        usize::from(self.is_best) + text::width(&self.words)
    }
}

impl<'a> MemberCells<'a> {
    pub fn new(app: &'a App, screen: &'a CompareScreen) -> Option<Self> {
        let comparison = screen.comparison()?;
        Some(Self {
            screen,
            comparison,
            base: screen.baseline_member(),
            badges: &app.runs.badges,
            best_run: app.best.run_id(),
            letters: screen.letter_cells(),
            now: app.now,
        })
    }

    /// Whether the best run is one of a member's.
    pub fn is_best(&self, member: usize) -> bool {
        let rows = &self.comparison.members[member].rows;
        rows.iter().any(|row| self.best_run == Some(self.comparison.catalog.run_id(*row)))
    }

    /// The aliases of a member's registered versions.
    pub fn badges(&self, member: usize) -> Cow<'_, str> {
        let Some(member) = self.comparison.members.get(member) else { return Cow::Borrowed("") };
        let of = member.rows.iter().map(|row| self.badges.of(self.comparison.catalog.run_id(*row)));
        text::clean(of.into_iter().find(|badges| !badges.is_empty()).unwrap_or_default())
    }

    /// What stands behind a member's name where it stands for several runs.
    pub fn others(&self, member: usize) -> String {
        match self.comparison.title(member).1 {
            0 => String::new(),
            others => format!(" +{others}"),
        }
    }

    /// The cells of what stands around a member's name in any case: its letter, signs, how many others it stands for.
    pub fn signs_width(&self, member: usize) -> usize {
        let base = if self.base == Some(member) { BASE.len() } else { 0 };
        self.letters + 1 + usize::from(self.is_best(member)) + self.others(member).len() + base
    }

    /// The cells of its aliases, which stand behind the name where there is room.
    pub fn badges_width(&self, member: usize) -> usize {
        match text::width(&self.badges(member)).min(BADGES) {
            0 => 0,
            badges => badges + 1,
        }
    }

    /// The cells of a member's name in full, with all that stands around it.
    pub fn title_width(&self, member: usize) -> usize {
        text::width(self.screen.labels.name(member)) + self.signs_width(member) + self.badges_width(member)
    }

    /// A key that is shown, and where its values are.
    pub fn bound_entry(&self, at: usize) -> Option<(&Entry, Bound)> {
        let entry = self.screen.entry(at)?;
        Some((entry, self.comparison.bound(entry)))
    }

    /// Whether differences are told of it: of params the values say more.
    fn compares(&self, entry: &Entry) -> bool {
        self.screen.show != Show::Values && entry.kind != EntryKind::Param
    }

    pub fn said(&self, entry: &Entry, bound: &Bound, member: usize) -> CellText {
        if !self.comparison.is_known(entry) {
            return CellText { words: "?".into(), is_best: false, tail: None, style: |theme| theme.dim };
        }
        let cell = self.comparison.cell(entry, bound, member, self.now);
        let is_best = self.comparison.is_best(entry, &cell);
        let base = self.base.filter(|base| self.compares(entry) && *base != member);
        let base = base.map(|base| self.comparison.cell(entry, bound, base, self.now));
        // Among differences a value by itself is told from them.
        let is_alone = base == Some(CompareCell::Missing) && cell.number().is_some();
        if let Some((by, share)) = base.and_then(|base| difference(&cell, &base)) {
            let words = match (self.screen.show, share) {
                (Show::Relative, Some(share)) => percent(share),
                _ => difference_words(entry, by),
            };
            let style: fn(&Theme) -> Style = match entry.goal {
                Some(_) if by == 0.0 || by.is_nan() => |theme| theme.dim,
                Some(Goal::Minimize) if by < 0.0 => |theme| theme.good,
                Some(Goal::Maximize) if by > 0.0 => |theme| theme.good,
                Some(_) => |theme| theme.bad,
                None => |theme| theme.text,
            };
            let tail = (entry.unit() == Unit::Number).then(|| tail(&words));
            return CellText { words, is_best, tail, style };
        }
        let count = match cell {
            CompareCell::Mean { count, infinite, .. } if infinite > 0 && infinite != count => {
                format!(" ({count}, {infinite} inf)")
            }
            CompareCell::Mean { count, .. } => format!(" ({count})"),
            _ => String::new(),
        };
        let style: fn(&Theme) -> Style = match cell {
            CompareCell::Missing => |theme| theme.dim,
            _ if is_best => |theme| theme.good.add_modifier(Modifier::BOLD),
            _ if !entry.differs => |theme| theme.dim,
            _ => |theme| theme.text,
        };
        let words = format!("{}{count}", text::clean(&cell_words(entry, &cell)));
        if is_alone {
            return CellText { words: format!("({words})"), is_best, tail: None, style: |theme| theme.dim };
        }
        let is_number = entry.kind != EntryKind::Attribute && cell.number().is_some_and(f64::is_finite);
        CellText { tail: is_number.then(|| tail(&words)), words, is_best, style }
    }
}

/// What is under the cursor, in full.
pub fn full_text(cells: &MemberCells<'_>) -> Option<String> {
    let screen = cells.screen;
    let (entry, bound) = cells.bound_entry(screen.key_cursor.at)?;
    let member = screen.member_cursor.at;
    let (name, others) = cells.comparison.title(member);
    let cell = cells.comparison.cell(entry, &bound, member, cells.now);
    let value = match &cell {
        _ if !cells.comparison.is_known(entry) => "not read yet".to_owned(),
        CompareCell::One(Value::Number(value) | Value::Point(value, None)) => text::exact(*value),
        CompareCell::One(Value::Point(value, Some(step))) => {
            format!("{} at step {step}", text::exact(*value))
        }
        CompareCell::One(Value::Text(text)) => (*text).to_owned(),
        cell => cell_words(entry, cell),
    };
    let is_compared = cells.compares(entry) && cells.base.is_some_and(|base| base != member);
    let base = cells.base.filter(|_| is_compared && cell.number().is_some());
    let base = base.map(|base| cells.comparison.cell(entry, &bound, base, cells.now));
    let value = match base {
        Some(CompareCell::Missing) => format!("{value}, which the baseline has not"),
        Some(_) | None => value,
    };
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let run = format!("{} {name}{others}", letter(screen.slot(member)));
    let own = entry
        .spec
        .metric_key()
        .filter(|_| cell.number().is_some())
        .and_then(|key| screen.is_own(member, key));
    let whose = match own {
        Some(true) => ", the model's own",
        Some(false) => ", the run's",
        None => "",
    };
    Some(text::clean(&format!("{run}, {}: {value}{whose}", entry.spec.name())).into_owned())
}

/// A share as a percentage with its sign.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent.abs() < 10.0 { 2 } else { usize::from(percent.abs() < 100.0) };
    if percent.abs() >= 1e6 { format!("{percent:+.1e}%") } else { format!("{percent:+.digits$}%") }
}
