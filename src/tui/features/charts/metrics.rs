//! What the names of metrics say of their charts: which of them share one, and which come first.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::chart::Stroke;

/// What one chart shows: a metric, or the same one of several parts of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartMetric {
    /// The metric's name, or what those of the parts have in common.
    pub name: String,
    /// The most telling one first.
    pub parts: Vec<MetricPart>,
}

/// A metric among those that share a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricPart {
    pub key: String,
    /// What tells it from the others, in its own word: `val`, `train`.
    pub word: String,
    /// A letter of that.
    pub sign: char,
    pub stroke: Stroke,
}

impl ChartMetric {
    /// A metric by itself.
    pub fn one(key: String) -> Self {
        let part = MetricPart { key: key.clone(), word: String::new(), sign: ' ', stroke: Stroke::Solid };
        Self { name: key, parts: vec![part] }
    }

    /// The metric that it is judged by.
    pub fn key(&self) -> &str {
        self.parts.first().map_or("", |part| &part.key)
    }

    pub fn has_parts(&self) -> bool {
        self.parts.len() > 1
    }
}

/// The data that a metric is of, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Data {
    Validation,
    Test,
    Unsaid,
    Training,
}

/// The words for them, as people write them before or behind a metric.
const WORDS: [(&str, Data); 10] = [
    ("train", Data::Training),
    ("training", Data::Training),
    ("val", Data::Validation),
    ("valid", Data::Validation),
    ("validation", Data::Validation),
    ("eval", Data::Validation),
    ("evaluation", Data::Validation),
    ("dev", Data::Validation),
    ("test", Data::Test),
    ("testing", Data::Test),
];

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '_' | '-' | '.' | ':' | ' ')
}

/// A name without the data that it is of: `loss` of `train/loss`, `val_loss`, `loss.test`, and `ppo/loss` of
/// `ppo/val_loss`; and that data, in its word.
fn split(key: &str) -> Option<(Data, &str, String)> {
    let data =
        |word: &str| WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|known| known.1);
    let before = |name: &'_ str| -> Option<(Data, usize)> {
        name.find(is_separator).and_then(|at| Some((data(&name[..at])?, at)))
    };
    if let Some((data, at)) = before(key).filter(|(_, at)| at + 1 < key.len()) {
        return Some((data, &key[..at], key[at + 1..].to_owned()));
    }
    if let Some(at) = key.rfind(is_separator).filter(|at| *at > 0)
        && let Some(data) = data(&key[at + 1..])
    {
        return Some((data, &key[at + 1..], key[..at].to_owned()));
    }
    let (folder, last) = key.rsplit_once('/')?;
    let (data, at) = before(last).filter(|(_, at)| at + 1 < last.len())?;
    Some((data, &last[..at], format!("{folder}/{}", &last[at + 1..])))
}

/// Metrics by charts, in the order of the first of each.
pub fn grouped(keys: &[String]) -> Vec<ChartMetric> {
    let splits: Vec<Option<(Data, &str, String)>> = keys.iter().map(|key| split(key)).collect();
    let mut members: FxHashMap<&str, Vec<(Data, &str, &str)>> = FxHashMap::default();
    for (key, split) in keys.iter().zip(&splits) {
        if let Some((data, word, rest)) = split {
            members.entry(rest).or_default().push((*data, word, key));
        }
    }
    for (key, _) in keys.iter().zip(&splits).filter(|(_, split)| split.is_none()) {
        // As Keras writes the loss of training, beside val_loss.
        if let Some(members) = members.get_mut(key.as_str()) {
            members.push((Data::Unsaid, key, key));
        }
    }
    members.retain(|_, members| members.len() > 1);
    let names: FxHashSet<&str> = keys.iter().map(String::as_str).collect();
    let mut charts = Vec::new();
    for (key, split) in keys.iter().zip(&splits) {
        let rest = split.as_ref().map_or(key.as_str(), |(.., rest)| rest);
        let Some(members) = members.get_mut(rest) else {
            charts.push(ChartMetric::one(key.clone()));
            continue;
        };
        let parts = parts(std::mem::take(members));
        if parts.is_empty() {
            // It is in a chart already.
            continue;
        }
        let is_own = parts.iter().any(|part| part.key == rest);
        let name = if names.contains(rest) && !is_own { joined(&parts) } else { rest.to_owned() };
        charts.push(ChartMetric { name, parts });
    }
    charts
}

fn joined(parts: &[MetricPart]) -> String {
    let keys: Vec<&str> = parts.iter().map(|part| part.key.as_str()).collect();
    keys.join(", ")
}

/// The parts of a chart in their order, each with a word and a sign that no other has.
fn parts(mut members: Vec<(Data, &str, &str)>) -> Vec<MetricPart> {
    members.sort_unstable();
    let words: Vec<String> = members.iter().map(|(_, word, _)| (*word).to_owned()).collect();
    let is_alone = |word: &str| words.iter().filter(|other| other.eq_ignore_ascii_case(word)).count() == 1;
    let has_training = members.iter().any(|(data, ..)| *data == Data::Training);
    let words: Vec<&str> =
        members.iter().map(|(_, word, key)| if is_alone(word) { *word } else { *key }).collect();
    let signs = signs(&words, members.iter().position(|(data, ..)| *data == Data::Training));
    let part = |(at, (data, _, key)): (usize, &(Data, &str, &str))| {
        let stroke = match data {
            _ if at == 0 => Stroke::Solid,
            Data::Training => Stroke::Dashed,
            _ if at == 1 && !has_training => Stroke::Dashed,
            _ => Stroke::Dotted,
        };
        MetricPart { key: (*key).to_owned(), word: words[at].to_owned(), sign: signs[at], stroke }
    };
    members.iter().enumerate().map(part).collect()
}

/// A letter for each word, of the word itself as far as that goes; one of them has the first choice.
fn signs(words: &[&str], first: Option<usize>) -> Vec<char> {
    let mut signs = vec!['+'; words.len()];
    for at in first.into_iter().chain((0..words.len()).filter(|at| Some(*at) != first)) {
        let own = words[at].chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase());
        let free = own.chain('a'..='z').find(|sign| !signs.contains(sign));
        signs[at] = free.unwrap_or('+');
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key, the word and the sign of a part.
    type Told = (String, String, char);

    fn charts(keys: &[&str]) -> Vec<(String, Vec<Told>)> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let of = |chart: ChartMetric| {
            let parts = chart.parts.into_iter().map(|part| (part.key, part.word, part.sign));
            (chart.name, parts.collect())
        };
        grouped(&keys).into_iter().map(of).collect()
    }

    fn names(keys: &[&str]) -> Vec<String> {
        charts(keys).into_iter().map(|(name, parts)| format!("{name} {}", parts.len())).collect()
    }

    #[test]
    fn the_same_metric_of_several_data_shares_a_chart() {
        let part = |key: &str, word: &str, sign| (key.to_owned(), word.to_owned(), sign);
        for (train, val, test) in [
            ("train/loss", "val/loss", "test/loss"),
            ("train_loss", "val_loss", "test_loss"),
            ("train-loss", "val-loss", "test-loss"),
            ("train.loss", "val.loss", "test.loss"),
            ("loss/train", "loss_val", "loss-test"),
        ] {
            let expected = vec![part(val, "val", 'v'), part(test, "test", 'e'), part(train, "train", 't')];
            assert_eq!(
                charts(&[train, "x", val, test]),
                [("loss".into(), expected), ("x".into(), vec![part("x", "", ' ')])]
            );
        }
        assert_eq!(
            names(&["training_acc", "validation_acc", "evaluation.acc", "Eval/acc", "valid:acc"]),
            ["acc 5"]
        );
        assert_eq!(names(&["loss", "val_loss", "loss_scale"]), ["loss 2", "loss_scale 1"]);
        assert_eq!(
            names(&["ppo/train_loss", "ppo/val_loss", "dqn/val_loss"]),
            ["ppo/loss 2", "dqn/val_loss 1"]
        );
        assert_eq!(
            names(&["train_loss", "val_acc", "test", "train/"]),
            ["train_loss 1", "val_acc 1", "test 1", "train/ 1"]
        );
    }

    #[test]
    fn no_two_parts_are_called_the_same() {
        let (_, parts) =
            charts(&["train/loss", "train_loss", "loss/train", "val/loss", "val_loss"]).remove(0);
        let mut words: Vec<&str> = parts.iter().map(|(_, word, _)| word.as_str()).collect();
        let mut signs: Vec<char> = parts.iter().map(|(.., sign)| *sign).collect();
        words.sort_unstable();
        signs.sort_unstable();
        words.dedup();
        signs.dedup();
        assert_eq!((words.len(), signs.len(), parts.len()), (5, 5, 5));
    }
}
