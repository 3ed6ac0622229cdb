//! Which params matter, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::compare::importance::{Correlation, FEWEST, Matters, NOISE};
use crate::text;
use crate::text::distinct;
use crate::tui::features::compare::CompareScreen;
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::theme::Theme;

/// The params that matter for the metric.
pub fn draw(screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let metric = screen.metric_spec().map_or_else(|| "any metric".to_owned(), |spec| spec.head());
    let metric = text::clean(&metric).into_owned();
    let Some(matters) = screen.weighed.value() else {
        centred(frame, area, vec![Line::styled("computing", theme.dim)]);
        return;
    };
    let (runs, r2, params) = match matters {
        Matters::TooFew { runs } => {
            let words = format!("too few runs: {runs} have a number in {metric}, and {FEWEST} are needed");
            centred(
                frame,
                area,
                vec![
                    Line::styled(words, theme.warn),
                    Line::styled("compare more runs, or choose another metric: m", theme.dim),
                ],
            );
            return;
        }
        Matters::NothingDiffers { runs } => {
            let words = format!("no param differs between the {runs} runs with {metric}");
            centred(frame, area, vec![Line::styled(words, theme.dim)]);
            return;
        }
        Matters::Ranked { runs, r2, params } => (*runs, *r2, params),
    };
    let put = |frame: &mut Frame<'_>, y: u16, line: Line<'_>| {
        if y < area.height {
            frame
                .render_widget(line, Rect { x: area.x + 1, y: area.y + y, width: area.width - 2, height: 1 });
        }
    };
    let width = area.width as usize - 2;
    let trust = if r2 <= NOISE {
        ("the params explain nothing of it: what follows is noise", theme.warn)
    } else if r2 < 0.3 {
        ("the params explain little of it: take what follows as a hint", theme.warn)
    } else {
        ("", theme.dim)
    };
    let head =
        format!("{metric} over {runs} runs; a forest of these params predicts unseen runs with R² {r2:.2}");
    put(frame, 0, Line::styled(text::cut(&head, width, theme.glyphs.ellipsis), theme.text));
    put(frame, 1, Line::styled(text::cut(trust.0, width, theme.glyphs.ellipsis), trust.1));
    if params.iter().any(|matter| matter.correlation == Correlation::TooFew) {
        let words = format!("a param says something from {FEWEST} runs on that have it");
        put(frame, 2, Line::styled(text::cut(&words, width, theme.glyphs.ellipsis), theme.dim));
    }
    let height = (area.height as usize).saturating_sub(4);
    let names: Vec<String> =
        params.iter().take(height).map(|matter| text::clean(&matter.param).into_owned()).collect();
    let name = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
    let name = name.clamp(8, (width / 3).max(8));
    let names = distinct(&names, name, theme.glyphs.ellipsis);
    let bar = width.saturating_sub(name + 37).min(60);
    let header = format!(
        "{}  {:>11}  {}  {:>12}  {:>5}",
        text::fit("param", name, ""),
        "importance",
        " ".repeat(bar),
        "rank corr.",
        "runs"
    );
    put(frame, 3, Line::styled(text::cut(&header, width, ""), theme.heading));
    let greatest = params.iter().map(|matter| matter.importance).fold(0.0, f64::max);
    for (y, (matter, label)) in params.iter().zip(&names).enumerate() {
        let share = if greatest > 0.0 { (matter.importance / greatest).max(0.0) } else { 0.0 };
        let filled = (share * bar as f64).round() as usize;
        let correlation = match matter.correlation {
            Correlation::Rank(value) => format!("{value:+.2}"),
            Correlation::TooFew => "too few runs".into(),
            Correlation::Flat => "-".into(),
            Correlation::Text => "text".into(),
        };
        let style = if matter.is_noise(r2) { theme.dim } else { theme.spark };
        let line = Line::from(vec![
            Span::raw(text::fit(label, name, theme.glyphs.ellipsis)),
            Span::raw(format!("  {:>11}  ", format!("{:.3}", matter.importance.max(0.0)))),
            Span::styled(theme.glyphs.bar.repeat(filled), style),
            Span::raw(" ".repeat(bar - filled)),
            Span::raw(format!("  {correlation:>12}  {:>5}", matter.runs)),
        ]);
        put(frame, 4 + y as u16, line);
    }
}
