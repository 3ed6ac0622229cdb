//! Several models as one that averages what they say, and how much each of them counts in it: as often as it is picked where
//! one after the other is, again and again, that makes the mean best (Caruana 2004), on rows that none of them has seen.

use fastrand::Rng;

use super::data::TargetValues;
use super::model::{FittedModel, Link, ModelForm};
use super::scores::Prediction;

/// How often one is picked.
const ROUNDS: usize = 40;
/// Rows that weights are found on, of all parts together: of more some by chance.
const MOST_ROWS: usize = 10_000;
/// Few rows tell little of how much one counts: those that are picked are drawn to equal weights, as by so many further rows.
const EQUAL_ROWS: f64 = 100.0;

/// A loss (less is better), and one that breaks ties.
pub type Loss<'a> = dyn Fn(&TargetValues, &Prediction) -> [f64; 2] + 'a;

/// Rows that some models have not seen.
#[derive(Debug, Clone)]
pub struct UnseenRows {
    /// Their places in the frame, in rising order.
    pub rows: Vec<u32>,
    /// What is true of them.
    pub truth: TargetValues,
    /// What each model says of them.
    pub predictions: Vec<Prediction>,
}

impl UnseenRows {
    /// Only some of them, by their places here.
    fn taken(&self, places: &[u32]) -> Self {
        Self {
            rows: places.iter().map(|at| self.rows[*at as usize]).collect(),
            truth: self.truth.of(places),
            predictions: self.predictions.iter().map(|said| taken(said, places)).collect(),
        }
    }

    /// The places of all but these rows.
    fn places_without(&self, rows: &[u32]) -> Vec<u32> {
        let is_other = |at: &u32| rows.binary_search(&self.rows[*at as usize]).is_err();
        (0..self.rows.len() as u32).filter(is_other).collect()
    }
}

fn taken(said: &Prediction, places: &[u32]) -> Prediction {
    let values = values(said);
    let width = width(said);
    let of = |at: &u32| &values[*at as usize * width..(*at as usize + 1) * width];
    like(said, places.iter().flat_map(of).copied().collect())
}

/// A prediction as numbers, one row after the other.
pub fn values(said: &Prediction) -> &[f64] {
    match said {
        Prediction::Numbers(values) => values,
        Prediction::Classes { probabilities, .. } => probabilities,
    }
}

fn width(said: &Prediction) -> usize {
    match said {
        Prediction::Numbers(_) => 1,
        Prediction::Classes { count, .. } => *count,
    }
}

/// These numbers as a prediction of the same kind.
fn like(said: &Prediction, values: Vec<f64>) -> Prediction {
    match said {
        Prediction::Numbers(_) => Prediction::Numbers(values),
        Prediction::Classes { count, .. } => likeliest(values, *count),
    }
}

/// The first of the greatest in single precision, as ONNX's ArgMax has it.
pub fn likeliest_of(scores: impl Iterator<Item = f64>) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (class, score) in (0..).zip(scores) {
        if score as f32 > best.1 {
            best = (class, score as f32);
        }
    }
    best.0
}

/// Classes by their probabilities, one row after the other.
pub fn likeliest(probabilities: Vec<f64>, count: usize) -> Prediction {
    let classes = probabilities.chunks(count).map(|row| likeliest_of(row.iter().copied())).collect();
    Prediction::Classes { probabilities, classes, count }
}

/// The weighted mean of predictions of the same rows: of numbers, or of the probabilities of classes. The weights sum to 1.
pub fn averaged(predictions: &[Prediction], weights: &[f64]) -> Prediction {
    let mut sums = vec![0.0; values(&predictions[0]).len()];
    for (said, weight) in predictions.iter().zip(weights) {
        for (sum, value) in sums.iter_mut().zip(values(said)) {
            *sum += weight * value;
        }
    }
    like(&predictions[0], sums)
}

/// How much each of the models counts so that their mean is best over some parts: weights that sum to 1. The first model is the
/// best by itself. All count alike where none is better than another for want of rows.
pub fn weights(parts: &[UnseenRows], models: usize, loss: &Loss<'_>, seed: u64) -> Vec<f64> {
    weights_on(&some_rows(parts.iter(), &[], seed), models, loss)
}

fn weights_on(parts: &[UnseenRows], models: usize, loss: &Loss<'_>) -> Vec<f64> {
    let equal = vec![1.0 / models as f64; models];
    // A loss may not be defined for so few rows, whatever is said of them.
    let is_defined = |part: &&UnseenRows| {
        !part.rows.is_empty() && part.predictions.iter().any(|said| loss(&part.truth, said)[0].is_finite())
    };
    let parts: Vec<&UnseenRows> = parts.iter().filter(is_defined).collect();
    if parts.is_empty() {
        return equal;
    }
    let mut sums: Vec<Vec<f64>> =
        parts.iter().map(|part| vec![0.0; values(&part.predictions[0]).len()]).collect();
    let mut picks = vec![0_u32; models];
    let mut best: Option<([f64; 2], Vec<u32>)> = None;
    for round in 1..=ROUNDS {
        let with = |model: usize| mean_loss(&parts, &sums, model, round, loss);
        let tried = (0..models).map(|model| (with(model), model));
        let Some((reached, model)) = tried.min_by(|a, b| order(a.0, b.0)) else { break };
        picks[model] += 1;
        for (sums, part) in sums.iter_mut().zip(&parts) {
            for (sum, value) in sums.iter_mut().zip(values(&part.predictions[model])) {
                *sum += value;
            }
        }
        if best.as_ref().is_none_or(|(known, _)| order(reached, *known).is_le()) {
            best = Some((reached, picks.clone()));
        }
    }
    let found = best.filter(|(reached, _)| reached[0].is_finite());
    found.map_or(equal, |(_, picks)| {
        let all = f64::from(picks.iter().sum::<u32>());
        let picked = picks.iter().filter(|count| **count > 0).count() as f64;
        let rows = parts.iter().map(|part| part.rows.len()).sum::<usize>() as f64;
        let share = |count: &u32| {
            let own = rows * f64::from(*count) / all + EQUAL_ROWS / picked;
            if *count > 0 { own / (rows + EQUAL_ROWS) } else { 0.0 }
        };
        picks.iter().map(share).collect()
    })
}

fn order(a: [f64; 2], b: [f64; 2]) -> std::cmp::Ordering {
    a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1]))
}

/// Over the parts, of the mean of all picks and one more of that model.
fn mean_loss(
    parts: &[&UnseenRows],
    sums: &[Vec<f64>],
    model: usize,
    round: usize,
    loss: &Loss<'_>,
) -> [f64; 2] {
    let mut mean = [0.0; 2];
    for (part, sums) in parts.iter().zip(sums) {
        let said = &part.predictions[model];
        let with = sums.iter().zip(values(said)).map(|(sum, value)| (sum + value) / round as f64);
        let of = loss(&part.truth, &like(said, with.collect()));
        for (mean, of) in mean.iter_mut().zip(of) {
            *mean += if of.is_nan() { f64::INFINITY } else { of / parts.len() as f64 };
        }
    }
    mean
}

/// All but these rows; of very many some by chance.
fn some_rows<'a>(parts: impl Iterator<Item = &'a UnseenRows>, but: &[u32], seed: u64) -> Vec<UnseenRows> {
    let mut places: Vec<(&UnseenRows, Vec<u32>)> =
        parts.map(|part| (part, part.places_without(but))).collect();
    let all: usize = places.iter().map(|(_, places)| places.len()).sum();
    if all > MOST_ROWS {
        let mut rng = Rng::with_seed(seed);
        for (_, places) in &mut places {
            rng.shuffle(places);
            places.truncate((places.len() as u64 * MOST_ROWS as u64 / all as u64) as usize);
            places.sort_unstable();
        }
    }
    places.into_iter().map(|(part, places)| part.taken(&places)).collect()
}

/// The weights that the models are to have when they are judged by a part: found on the others without its rows, so that it
/// has no say in what it judges; where parts follow each other in time, on those before it.
pub fn weights_for(
    at: usize,
    parts: &[UnseenRows],
    is_in_time: bool,
    models: usize,
    loss: &Loss<'_>,
    seed: u64,
) -> Vec<f64> {
    let others = parts.iter().enumerate();
    let others = others.filter(|(other, _)| if is_in_time { *other < at } else { *other != at });
    weights_on(&some_rows(others.map(|(_, part)| part), &parts[at].rows, seed), models, loss)
}

/// One model that averages others by their weights, which sum to 1. Those of weight 0 are left out.
pub fn average(members: Vec<(FittedModel, f64)>) -> FittedModel {
    let members: Vec<(FittedModel, f64)> = members.into_iter().filter(|(_, weight)| *weight > 0.0).collect();
    let is_number = members.iter().all(|(member, _)| member.link == Link::Number);
    let link = if is_number { Link::Number } else { Link::Share };
    FittedModel { importance: importance(&members), form: ModelForm::Average { members }, link }
}

/// The weighted mean of what features tell the members, where all of them say that.
fn importance(members: &[(FittedModel, f64)]) -> Option<Vec<f64>> {
    let mut all: Vec<f64> = Vec::new();
    for (member, weight) in members {
        let shares = member.importance.as_ref()?;
        all.resize(shares.len(), 0.0);
        for (sum, share) in all.iter_mut().zip(shares) {
            *sum += weight * share;
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests;
