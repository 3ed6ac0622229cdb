//! What is picked on a comparison: columns for the plots, and the values that metrics are compared by.

use super::actions::Choice;
use super::update::{screen, show_cursors};
use crate::catalog::ColumnSpec;
use crate::compare::{Entry, EntryKind};
use crate::mlflow::Statistic;
use crate::text;
use crate::tui::core::app::{App, Screen};
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};

/// Lets a column be picked.
pub fn column(app: &mut App, choice: Choice) {
    let Some(Screen::Compare(screen)) = app.screens.last() else { return };
    let Some(comparison) = screen.comparison() else { return };
    let is_metric = choice == Choice::Metric;
    let fits = |entry: &&Entry| {
        entry.kind == EntryKind::Metric
            || (!is_metric && entry.kind != EntryKind::Tag && screen.is_offered(entry))
    };
    let items: Vec<_> = comparison
        .entries
        .iter()
        .filter(fits)
        .map(|entry| Item {
            label: entry.spec.name(),
            note: format!("{} of {}", entry.present, text::runs(comparison.members.len())),
            on: None,
            value: entry.spec.clone(),
        })
        .collect();
    let title = match choice {
        Choice::Metric => "Metric",
        Choice::X => "Across",
        Choice::Y => "Upwards",
    };
    Picker::new(title, items, move |app, picked, _| match picked {
        Picked::Chosen(spec) => chosen(app, choice, spec),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

fn chosen(app: &mut App, choice: Choice, spec: ColumnSpec) {
    let now = app.now;
    let Some(screen) = screen(app) else { return };
    match choice {
        Choice::Metric => {
            if let ColumnSpec::Metric(key, _) = spec {
                screen.metric = Some(key);
                screen.weighed.forget();
                screen.arrange();
                screen.lay_axes(now);
            }
        }
        Choice::X => screen.chosen_x = Some(spec),
        Choice::Y => screen.chosen_y = Some(spec),
    }
    screen.choose_axes();
}

/// Lets the value be picked that metrics are compared by; none is a step that is still to be typed.
pub fn statistic(app: &mut App) {
    let Some(screen) = screen(app) else { return };
    let now = screen.statistic;
    let items = VALUES.map(|(statistic, label, note)| Item {
        label: label.into(),
        note: note.into(),
        on: None,
        value: statistic,
    });
    let at = VALUES.iter().position(|(statistic, ..)| *statistic == Some(now)).unwrap_or(VALUES.len() - 1);
    Picker::new("Values of metrics", items, move |app, picked, _| match picked {
        Picked::Chosen(Some(statistic)) => compare_by(app, statistic),
        Picked::Chosen(None) => step_of_values(app, now),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .at(at)
    .open(app);
}

const VALUES: [(Option<Statistic>, &str, &str); 6] = [
    (Some(Statistic::Latest), "last", "as MLflow: greatest step, then time"),
    (Some(Statistic::Min), "min", "smallest of each history"),
    (Some(Statistic::Max), "max", "largest of each history"),
    (Some(Statistic::Mean), "mean", "over each whole history"),
    (Some(Statistic::First), "first", "at the smallest step"),
    (None, "at a step", "the values logged at that step"),
];

fn step_of_values(app: &mut App, now: Statistic) {
    let text = if let Statistic::At(step) = now { step.to_string() } else { String::new() };
    let read =
        |text: &str| text.trim().parse::<i64>().map_err(|_| PromptError::from("a step must be an integer"));
    Prompt::new("Step of all metrics", "an integer", &text, read, |app, step, _| {
        compare_by(app, Statistic::At(step));
        Ok(())
    })
    .open(app);
}

fn compare_by(app: &mut App, statistic: Statistic) {
    let now = app.now;
    if let Some(screen) = screen(app) {
        screen.choose_statistic(statistic, now);
    }
    show_cursors(app);
}
