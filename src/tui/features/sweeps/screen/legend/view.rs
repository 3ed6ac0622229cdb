//! What stands beside the chart of a sweep, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use crate::compare::importance::{FEWEST, Matters, NOISE};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::sweeps::list::view::state_style;
use crate::tui::features::sweeps::screen::cells::{shown, status, status_words};
use crate::tui::features::sweeps::screen::plot::{self, Coloring};
use crate::tui::features::sweeps::screen::view::{best_line, counts, params_in_words, rough};
use crate::tui::features::sweeps::screen::{FollowedSweep, SweepScreen, TrialColumn};
use crate::tui::widgets::boxes::put;
use crate::tui::widgets::theme::{Theme, letter};

/// Params of a trial beside the chart.
const MOST_PARAMS: usize = 8;

/// What stands beside or below the plot, the most telling first.
pub fn draw(app: &App, screen: &SweepScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let width = area.width as usize;
    let progress = &screen.progress;
    let is_tall = area.height > 28;
    // The best one is told of anyhow.
    let is_best = screen.shown.best.is_some() && screen.chosen() == screen.shown.best;
    let mut lines: Vec<Line<'_>> = Vec::new();
    let of = progress.of.map_or(String::new(), |of| format!("/{}", text::count(of)));
    let mut first = vec![
        Span::styled(
            text::clean(&progress.status_text()).into_owned(),
            state_style(progress.state, theme).add_modifier(Modifier::BOLD),
        ),
        Span::styled(format!("  {}{of}", text::count(progress.ended())), theme.heading),
    ];
    if let Some(left) = progress.left {
        first.push(Span::styled(format!("  about {} left", rough(left)), theme.accent));
    }
    lines.push(Line::from(first));
    if is_tall {
        let words = text::wrap(&counts(progress), width);
        lines.extend(words.into_iter().map(|words| Line::styled(words, theme.text)));
        lines.push(Line::default());
    }
    if is_tall {
        lines.extend(block(screen, screen.shown.best, theme, width));
        lines.push(Line::default());
        if !is_best {
            lines.extend(block(screen, screen.chosen(), theme, width));
            lines.push(Line::default());
        }
    } else {
        lines.push(best_line(app, screen, theme, width));
        lines.extend((!is_best).then(|| chosen_line(screen, theme, width)));
    }
    let left_out = plot::left_out(screen);
    if left_out > 0 {
        let words = format!("{} far worse not shown: w shows all", text::count(left_out));
        lines.push(Line::styled(text::cut(&words, width, theme.glyphs.ellipsis), theme.warn));
    }
    lines.extend(groups(screen, theme, width));
    if is_tall {
        lines.push(Line::default());
    }
    lines.extend(importance(screen, theme, width));
    for (at, line) in lines.into_iter().take(area.height as usize).enumerate() {
        put(frame, area, at, line);
    }
}

/// A trial with what it tries, a line each.
fn block<'a>(screen: &SweepScreen, number: Option<usize>, theme: &Theme, width: usize) -> Vec<Line<'a>> {
    let Some((number, trial)) = number.and_then(|at| Some((at, screen.shown.state.trials.get(at)?))) else {
        return vec![Line::styled("no result yet", theme.dim)];
    };
    let is_best = screen.shown.best == Some(number);
    let (style, state) = status_words(status(screen, trial), theme);
    let value = screen.shown.value(trial).map_or_else(|| state.to_owned(), text::number);
    let sign = if is_best { theme.glyphs.best } else { theme.glyphs.live };
    let word = if is_best { "best, trial" } else { "trial" };
    let value_style = if trial.is_finished() { theme.heading } else { style };
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{sign} {word} {number}  "), if is_best { theme.good } else { theme.heading }),
        Span::styled(value, value_style),
    ])];
    let proposal = trial.proposal.iter();
    let names = screen.shown.params.iter().map(|name| text::width(&text::clean(name))).max().unwrap_or(0);
    let names = names.min(width / 2);
    let family = proposal.clone().filter(|_| screen.columns.contains(&TrialColumn::Family));
    lines.extend(family.map(|known| Line::styled(format!("  {}", text::clean(&known.family)), theme.text)));
    let params = proposal.flat_map(|known| {
        screen.shown.params.iter().filter_map(|name| Some((name, known.params.get(name)?)))
    });
    for (name, value) in params.take(MOST_PARAMS) {
        let room = width.saturating_sub(names + 4);
        lines.push(Line::from(vec![
            Span::styled(
                format!("  {}  ", text::fit(&text::clean(name), names, theme.glyphs.ellipsis)),
                theme.dim,
            ),
            Span::styled(text::cut(&text::clean(&shown(value)), room, theme.glyphs.ellipsis), theme.text),
        ]));
    }
    lines
}

/// The trial under the cursor.
fn chosen_line<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Line<'a> {
    let Some(number) = screen.chosen() else { return Line::default() };
    let trial = &screen.shown.state.trials[number];
    let (style, state) = status_words(status(screen, trial), theme);
    let value = screen.shown.value(trial).map_or_else(|| state.to_owned(), text::number);
    let rest = params_in_words(screen, number);
    let words = format!("{} trial {number}: ", theme.glyphs.live);
    let room = width.saturating_sub(text::width(&words) + text::width(&value) + 2);
    Line::from(vec![
        Span::styled(words, theme.heading),
        Span::styled(value, if trial.is_finished() { theme.text } else { style }),
        Span::styled(format!("  {}", text::cut(&rest, room, theme.glyphs.ellipsis)), theme.dim),
    ])
}

/// What the colours stand for.
fn groups<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Vec<Line<'a>> {
    let entry = |ink: u8, sign: String, words: &str, note: String| {
        let room = width.saturating_sub(text::width(&note) + 4);
        Line::from(vec![
            Span::styled(format!("{sign} "), theme.line(ink.into()).add_modifier(Modifier::BOLD)),
            Span::styled(text::cut(&text::clean(words), room, theme.glyphs.ellipsis), theme.text),
            Span::styled(format!("  {note}"), theme.dim),
        ])
    };
    if let Some(other) = &screen.other {
        let name = |sweep: &FollowedSweep| {
            sweep.header.as_ref().map_or_else(|| sweep.id.clone(), |header| header.name.clone())
        };
        let best = |sweep: &FollowedSweep| {
            let trial = sweep.best.and_then(|best| sweep.state.trials.get(best));
            trial.and_then(|trial| sweep.value(trial)).map_or_else(|| "-".into(), text::number)
        };
        let sweeps = [(1, &screen.shown), (2, other)];
        return sweeps
            .into_iter()
            .map(|(ink, sweep)| entry(ink, letter(ink.into()), &name(sweep), format!("best {}", best(sweep))))
            .collect();
    }
    let grouping = &screen.grouping;
    if grouping.groups.len() < 2 && screen.coloring == Coloring::Family {
        return vec![Line::styled("c colours by a param", theme.dim)];
    }
    let by = match &screen.coloring {
        Coloring::Family => "family".to_owned(),
        Coloring::Param(name) => text::clean(name).into_owned(),
    };
    let mut lines = vec![Line::styled(format!("coloured by {by}"), theme.heading)];
    lines.extend(grouping.groups.iter().map(|group| {
        entry(group.ink, theme.glyphs.point.to_owned(), &group.words, text::count(group.count))
    }));
    lines
}

/// Which params matter so far.
fn importance<'a>(screen: &SweepScreen, theme: &Theme, width: usize) -> Vec<Line<'a>> {
    let said = |words: String| vec![Line::styled(text::cut(&words, width, theme.glyphs.ellipsis), theme.dim)];
    let (runs, r2, params) = match screen.weighed.value() {
        None if screen.weighed.is_waiting() => return said("importance: computing".into()),
        None => return Vec::new(),
        Some(Matters::TooFew { .. }) => {
            return said(format!("importance of params from {FEWEST} trials on"));
        }
        Some(Matters::NothingDiffers { .. }) => return said("no param differs".into()),
        Some(Matters::Ranked { runs, r2, params }) => (*runs, *r2, params),
    };
    let trust = if r2 <= NOISE {
        ", noise"
    } else if r2 < 0.3 {
        ", a hint only"
    } else {
        ""
    };
    let heading = format!("importance, {}{trust}", text::counted(runs, "trial"));
    let mut lines = vec![Line::styled(text::cut(&heading, width, theme.glyphs.ellipsis), theme.heading)];
    let name = params.iter().map(|matter| text::width(&text::clean(&matter.param))).max().unwrap_or(0);
    let name = name.clamp(6, (width / 2).max(6));
    let room = width.saturating_sub(name + 8).min(40);
    let greatest = params.iter().map(|matter| matter.importance).fold(0.0, f64::max);
    for matter in params {
        let share = if greatest > 0.0 { (matter.importance / greatest).max(0.0) } else { 0.0 };
        let filled = (share * room as f64).round() as usize;
        let style = if matter.is_noise(r2) { theme.dim } else { theme.spark };
        lines.push(Line::from(vec![
            Span::styled(text::fit(&text::clean(&matter.param), name, theme.glyphs.ellipsis), theme.text),
            Span::styled(format!(" {:>5.2} ", matter.importance.max(0.0)), theme.dim),
            Span::styled(theme.glyphs.bar.repeat(filled), style),
        ]));
    }
    lines
}
