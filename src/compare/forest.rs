//! A random forest for regression (Breiman 2001): grown the same from the same seed, exact on repeated values, and just
//! as large as it takes to tell which columns matter among some hundred rows.

use fastrand::Rng;

const TREES: usize = 200;
/// Rows of a leaf, at least.
const LEAF: usize = 2;

/// Rows of numbers: no NaN.
pub struct Data<'a> {
    pub rows: &'a [Vec<f64>],
    pub target: &'a [f64],
}

enum Node {
    Leaf(f64),
    /// Rows with no more than `at` in a column go to the left.
    Split {
        column: usize,
        at: f64,
        left: Box<Node>,
        right: Box<Node>,
    },
}

impl Node {
    fn predict(&self, row: &[f64]) -> f64 {
        match self {
            Self::Leaf(value) => *value,
            Self::Split { column, at, left, right } => {
                if row[*column] <= *at {
                    left.predict(row)
                } else {
                    right.predict(row)
                }
            }
        }
    }
}

/// What a forest says of its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Permutations {
    /// The share of the target's variance that rows are predicted with by trees that have not seen them; zero or less: nothing.
    pub r2: f64,
    /// By how much the mean squared error of such predictions rises when a column is shuffled, over the target's variance.
    pub importance: Vec<f64>,
}

/// Grows a forest and shuffles each group of columns in turn (the one-hot columns of one param together).
pub fn permutations(data: &Data<'_>, groups: &[Vec<usize>], seed: u64) -> Permutations {
    let (count, width) = (data.rows.len(), data.rows.first().map_or(0, Vec::len));
    let mut rng = Rng::with_seed(seed);
    let tried = (width / 3).max(1).min(width);
    let mean = data.target.iter().sum::<f64>() / count as f64;
    let variance = data.target.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
    let mut sums = vec![(0.0, 0_u32); count];
    let mut rises = vec![0.0; groups.len()];
    let mut tested = 0;
    for _ in 0..TREES {
        let drawn: Vec<usize> = (0..count).map(|_| rng.usize(..count)).collect();
        let mut is_drawn = vec![false; count];
        for row in &drawn {
            is_drawn[*row] = true;
        }
        let left_out: Vec<usize> = (0..count).filter(|row| !is_drawn[*row]).collect();
        let tree = grow(data, drawn, tried, &mut rng);
        let error = |row: usize, values: &[f64]| (tree.predict(values) - data.target[row]).powi(2);
        let mut base = 0.0;
        for row in &left_out {
            let predicted = tree.predict(&data.rows[*row]);
            sums[*row].0 += predicted;
            sums[*row].1 += 1;
            base += (predicted - data.target[*row]).powi(2);
        }
        if left_out.len() < 2 {
            continue;
        }
        tested += 1;
        for (group, rise) in groups.iter().zip(&mut rises) {
            let mut shuffled = left_out.clone();
            rng.shuffle(&mut shuffled);
            let mut total = 0.0;
            for (row, other) in left_out.iter().zip(&shuffled) {
                let mut values = data.rows[*row].clone();
                for column in group {
                    values[*column] = data.rows[*other][*column];
                }
                total += error(*row, &values);
            }
            *rise += (total - base) / left_out.len() as f64;
        }
    }
    let predicted = sums.iter().zip(data.target).filter(|((_, count), _)| *count > 0);
    let (errors, seen) = predicted.fold((0.0, 0), |(errors, seen), ((sum, count), target)| {
        (errors + (sum / f64::from(*count) - target).powi(2), seen + 1)
    });
    let r2 = if variance > 0.0 && seen > 0 { 1.0 - errors / f64::from(seen) / variance } else { 0.0 };
    let scale = variance * f64::from(tested.max(1));
    let importance = rises.into_iter().map(|rise| if scale > 0.0 { rise / scale } else { 0.0 });
    Permutations { r2, importance: importance.collect() }
}

fn grow(data: &Data<'_>, rows: Vec<usize>, tried: usize, rng: &mut Rng) -> Node {
    let mean = rows.iter().map(|row| data.target[*row]).sum::<f64>() / rows.len() as f64;
    let Some((column, at)) = best_split(data, &rows, tried, rng) else { return Node::Leaf(mean) };
    let (left, right): (Vec<usize>, Vec<usize>) =
        rows.into_iter().partition(|row| data.rows[*row][column] <= at);
    Node::Split {
        column,
        at,
        left: Box::new(grow(data, left, tried, rng)),
        right: Box::new(grow(data, right, tried, rng)),
    }
}

/// The split that leaves the least squared error, among columns drawn at random; constant ones do not count.
fn best_split(data: &Data<'_>, rows: &[usize], tried: usize, rng: &mut Rng) -> Option<(usize, f64)> {
    if rows.len() < 2 * LEAF {
        return None;
    }
    let mut columns: Vec<usize> = (0..data.rows[0].len()).collect();
    rng.shuffle(&mut columns);
    let all: f64 = rows.iter().map(|row| data.target[*row]).sum();
    let mut best: Option<(f64, usize, f64)> = None;
    let mut looked_at = 0;
    for column in columns {
        let mut sorted: Vec<(f64, f64)> =
            rows.iter().map(|row| (data.rows[*row][column], data.target[*row])).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        if sorted[0].0 >= sorted[sorted.len() - 1].0 {
            continue;
        }
        let mut left = 0.0;
        for at in 1..sorted.len() {
            left += sorted[at - 1].1;
            let is_between = sorted[at - 1].0 < sorted[at].0;
            if !is_between || at < LEAF || sorted.len() - at < LEAF {
                continue;
            }
            // The sum of squares between the two sides: the more, the less is left within them.
            let right = all - left;
            let gain = left * left / at as f64 + right * right / (sorted.len() - at) as f64;
            if best.is_none_or(|(known, ..)| gain > known + known.abs() * 1e-12) {
                best = Some((gain, column, sorted[at - 1].0 / 2.0 + sorted[at].0 / 2.0));
            }
        }
        looked_at += 1;
        if looked_at == tried {
            break;
        }
    }
    let (gain, column, at) = best?;
    // Nothing is gained where the target is the same everywhere.
    (gain > all * all / rows.len() as f64 * (1.0 + 1e-12) || all == 0.0 && gain > 0.0).then_some((column, at))
}
