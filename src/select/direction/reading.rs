//! A metric's name, read: which metric it is, of which data, and what is wanted of it.

use super::Goal;
use super::table::{DataPart, KnownMetric, MetricKind, WordRole, role};

/// Words of a name that are looked at: MLflow takes 250 characters.
const MOST_WORDS: usize = 64;
/// Words that are one name together, at most.
const LONGEST: usize = 8;
/// Words that are written before a metric without anything between: `valloss`.
const JOINED: [&str; 9] = ["training", "train", "valid", "val", "test", "eval", "dev", "mean", "avg"];

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameReading {
    pub goal: Option<Goal>,
    pub kind: MetricKind,
    /// The metric's place among all that are known, the most wanted first.
    pub place: u16,
    pub of: DataPart,
    /// Which of several sets of that data: 1 in `valid_1-auc`.
    pub set: u32,
    /// How much more the name says.
    pub more: usize,
    /// It is how much another metric varies, or one end of that.
    pub is_beside: bool,
    /// What is left without the data that it is of, and without what is said by the way.
    pub core: String,
}

/// The words of a name in lower case, one behind the other, and where each begins and the last ends. Digits are words of
/// their own.
struct Words {
    text: String,
    starts: Vec<usize>,
    /// The word that is the 1 of `1-accuracy`.
    one: Option<usize>,
}

impl Words {
    fn new(name: &str) -> Self {
        let (mut text, mut starts, mut one) =
            (String::with_capacity(name.len()), Vec::with_capacity(12), None);
        let (mut last, mut opens) = (' ', true);
        let mut rest = name.chars();
        while let Some(c) = rest.next() {
            if c.is_alphanumeric() {
                let next = rest.as_str().chars().next();
                let goes_on = last.is_alphanumeric()
                    && c.is_ascii_digit() == last.is_ascii_digit()
                    && !(c.is_uppercase() && last.is_lowercase())
                    && !(c.is_uppercase() && last.is_uppercase() && next.is_some_and(char::is_lowercase));
                if !goes_on {
                    if starts.len() == MOST_WORDS {
                        break;
                    }
                    if opens && c == '1' && rest.as_str().trim_start().starts_with('-') {
                        one = Some(starts.len());
                    }
                    starts.push(text.len());
                }
                text.extend(c.to_lowercase());
            }
            // Something begins anew behind a slash or a colon.
            opens = matches!(c, '/' | ':') || (opens && c == ' ');
            last = c;
        }
        starts.push(text.len());
        Self { text, starts, one }
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn get(&self, from: usize, to: usize) -> &str {
        &self.text[self.starts[from]..self.starts[to]]
    }
}

/// Words of a name that belong together.
#[derive(Clone, Copy)]
enum NamePart {
    Known(WordRole),
    Number,
    Unknown,
}

impl NamePart {
    fn metric(self) -> Option<KnownMetric> {
        match self {
            Self::Known(WordRole::Metric(metric)) => Some(metric),
            _ => None,
        }
    }

    fn is(self, role: WordRole) -> bool {
        matches!(self, Self::Known(known) if known == role)
    }

    /// Whether it is said by the way.
    fn is_passing(self) -> bool {
        matches!(self, Self::Number | Self::Known(WordRole::Way | WordRole::NamePart(_)))
    }
}

/// Reads a name.
pub fn read(name: &str) -> NameReading {
    let words = Words::new(name);
    let mut said = NameReading {
        goal: None,
        kind: MetricKind::Time,
        place: u16::MAX,
        of: DataPart::Unsaid,
        set: 0,
        more: 0,
        is_beside: false,
        core: String::new(),
    };
    let mut parts = Vec::with_capacity(words.count());
    let mut at = 0;
    while at < words.count() {
        let (part, end) = longest(&words, at);
        let text = words.get(at, end);
        let is_set = matches!(part, NamePart::Number)
            && parts.last().is_some_and(|last| matches!(last, NamePart::Known(WordRole::NamePart(_))));
        match part {
            // Where both are named, as in `train_val_loss`, what it is judged by counts.
            NamePart::Known(WordRole::NamePart(of)) => {
                said.of = if said.of == DataPart::Unsaid { of } else { said.of.min(of) }
            }
            _ if is_set => said.set = text.parse().unwrap_or(u32::MAX),
            NamePart::Known(WordRole::Way) => {}
            _ => said.core.push_str(text),
        }
        said.more +=
            usize::from(!is_set && !matches!(part, NamePart::Known(WordRole::Way | WordRole::NamePart(_))));
        parts.push(part);
        at = end;
    }
    let is_whole = |part: &NamePart| part.is_passing() || part.metric().is_some_and(|metric| metric.is_whole);
    if !parts.iter().all(is_whole) {
        for part in &mut parts {
            if part.metric().is_some_and(|metric| metric.is_whole) {
                *part = NamePart::Unknown;
            }
        }
    }
    said.is_beside = parts.iter().any(|part| part.is(WordRole::Beside));
    if let Some((metric, goal)) = decide(&parts)
        && !is_place(&words)
    {
        (said.goal, said.kind, said.place) = (Some(goal), metric.kind, metric.place);
    }
    said
}

/// The longest known name that begins at a word, and where it ends.
fn longest(words: &Words, at: usize) -> (NamePart, usize) {
    if words.one == Some(at) {
        return (NamePart::Known(WordRole::Minus), at + 1);
    }
    for end in (at + 1..=words.count().min(at + LONGEST)).rev() {
        if let Some(role) = role(words.get(at, end)) {
            return (NamePart::Known(role), end);
        }
    }
    let word = words.get(at, at + 1);
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return (NamePart::Number, at + 1);
    }
    let rest = JOINED.iter().filter_map(|joined| word.strip_prefix(joined));
    let known =
        rest.filter_map(role).find(|role| matches!(role, WordRole::Metric(metric) if !metric.is_whole));
    (known.map_or(NamePart::Unknown, NamePart::Known), at + 1)
}

/// The metric that a name is of, and what is wanted of it.
fn decide(parts: &[NamePart]) -> Option<(KnownMetric, Goal)> {
    if parts.iter().any(|part| part.is(WordRole::Silent) || part.is(WordRole::Beside)) {
        return None;
    }
    let metrics = || parts.iter().enumerate().filter_map(|(at, part)| Some((at, part.metric()?)));
    let over = metrics().find(|(_, metric)| metric.is_over);
    // What a name is of stands last in it: dice_loss is a loss.
    let last = || metrics().rfind(|(_, metric)| !metric.is_weak).or_else(|| metrics().next_back());
    let (head, metric) = over.or_else(last)?;
    let first = metrics().next().map_or(head, |(at, _)| at);
    if parts[head..].iter().any(|part| part.is(WordRole::After))
        || parts[..first].iter().any(|part| part.is(WordRole::Before))
    {
        return None;
    }
    let agrees = |other: KnownMetric| other.is_weak || other.goal == metric.goal;
    let is_clear = metric.is_generic || metric.is_over || metrics().all(|(_, other)| agrees(other));
    if !is_clear {
        return None;
    }
    let goal = if is_turned(parts, head)? { metric.goal.reversed() } else { metric.goal };
    Some((metric, goal))
}

/// Whether a name turns its metric round; none where nobody can tell.
fn is_turned(parts: &[NamePart], head: usize) -> Option<bool> {
    let Some(at) = parts.iter().rposition(|part| part.is(WordRole::Not) || part.is(WordRole::Minus)) else {
        return Some(false);
    };
    // rank_test_neg_log_loss is a rank all the same.
    if at > head && parts[head].metric().is_some_and(|metric| metric.is_over) {
        return Some(false);
    }
    let is_minus = parts[at].is(WordRole::Minus);
    let (before, after) = (&parts[..at], &parts[at + 1..]);
    let of_class = |metric: KnownMetric| {
        metric.is_of_class || metric.is_weak || (metric.is_generic && metric.kind == MetricKind::Loss)
    };
    let turned = after.iter().find(|part| !part.is_passing()).and_then(|part| part.metric());
    match turned {
        // A difference.
        _ if is_minus && before.iter().any(|part| part.metric().is_some()) => None,
        Some(_) if is_minus => Some(true),
        // Of the class of negatives, or less of it: neg_f1.
        Some(metric) => (!of_class(metric)).then_some(true),
        None if is_minus => Some(false),
        // recall_neg is the recall of negatives; mse_neg is anything.
        None if at > head => parts[head].metric().is_some_and(of_class).then_some(false),
        // negative_sampling_loss is a loss.
        None => Some(false),
    }
}

/// Whether a name says when something was best: `best_val_loss_epoch`.
fn is_place(words: &Words) -> bool {
    let count = words.count();
    count > 1
        && words.get(0, 1) == "best"
        && matches!(words.get(count - 1, count), "epoch" | "step" | "round")
}
