//! What the cells of a comparison say.

use std::borrow::Cow;

use ratatui::style::{Modifier, Style};

use crate::catalog::Bound;
use crate::compare::axes::cell_words;
use crate::compare::{CompareCell, Comparison, Entry, difference};
use crate::select::Goal;
use crate::text;
use crate::tui::core::signs::RunBadges;
use crate::tui::features::compare::{CompareScreen, Show};
use crate::tui::widgets::theme::Theme;

/// What all cells have in common.
pub struct MemberCells<'a> {
    pub screen: &'a CompareScreen,
    pub comparison: &'a Comparison,
    /// The member that others are compared with.
    pub base: Option<usize>,
    badges: &'a RunBadges,
    now: i64,
}

/// What a cell says, and how.
pub struct CellText {
    pub words: String,
    pub is_best: bool,
    pub style: fn(&Theme) -> Style,
}

impl CellText {
    /// Cells that it takes, the sign of the best among them.
    pub fn width(&self) -> usize {
        usize::from(self.is_best) + text::width(&self.words)
    }
}

impl<'a> MemberCells<'a> {
    pub fn new(screen: &'a CompareScreen, badges: &'a RunBadges, now: i64) -> Option<Self> {
        let comparison = screen.fetched.value()?;
        Some(Self { screen, comparison, base: screen.baseline_member(), badges, now })
    }

    /// The aliases of a member's registered versions.
    pub fn badges(&self, member: usize) -> Cow<'_, str> {
        let Some(member) = self.comparison.members.get(member) else { return Cow::Borrowed("") };
        let of = member.rows.iter().map(|row| self.badges.of(self.comparison.catalog.run_id(*row)));
        text::clean(of.into_iter().find(|badges| !badges.is_empty()).unwrap_or_default())
    }

    /// The cells of a member's name, with its badges.
    pub fn name_width(&self, member: usize) -> usize {
        let badges = text::width(&self.badges(member));
        text::width(&text::clean(self.comparison.title(member).0)) + if badges > 0 { badges + 1 } else { 0 }
    }

    /// A key that is shown, and where its values are.
    pub fn bound_entry(&self, at: usize) -> Option<(&Entry, Bound)> {
        let entry = self.screen.entry(at)?;
        Some((entry, self.comparison.bound(entry)))
    }

    pub fn said(&self, entry: &Entry, bound: &Bound, member: usize) -> CellText {
        let cell = self.comparison.cell(entry, bound, member, self.now);
        let is_best = self.comparison.is_best(entry, &cell);
        let base = self.base.filter(|base| self.screen.show != Show::Values && *base != member);
        let base = base.map(|base| self.comparison.cell(entry, bound, base, self.now));
        if let Some((by, share)) = base.and_then(|base| difference(&cell, &base)) {
            let words = match (self.screen.show, share) {
                (Show::Relative, Some(share)) => percent(share),
                _ => signed(by),
            };
            let style: fn(&Theme) -> Style = match entry.goal {
                Some(_) if by == 0.0 || by.is_nan() => |theme| theme.dim,
                Some(Goal::Minimize) if by < 0.0 => |theme| theme.good,
                Some(Goal::Maximize) if by > 0.0 => |theme| theme.good,
                Some(_) => |theme| theme.bad,
                None => |theme| theme.text,
            };
            return CellText { words, is_best, style };
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
        CellText { words: format!("{}{count}", text::clean(&cell_words(&cell))), is_best, style }
    }
}

fn signed(by: f64) -> String {
    let words = text::number(by);
    if by > 0.0 { format!("+{words}") } else { words }
}

/// A share as a percentage with its sign.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent.abs() < 10.0 { 2 } else { usize::from(percent.abs() < 100.0) };
    if percent.abs() >= 1e6 { format!("{percent:+.1e}%") } else { format!("{percent:+.digits$}%") }
}
