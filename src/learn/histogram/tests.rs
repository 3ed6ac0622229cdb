//! Against growing trees in the plainest way, by trying all splits of all rows.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use fastrand::Rng;
use proptest::prelude::*;

use super::bins::{Binned, Binning, GAP_BIN};
use super::boost::{BoostOptions, Boosted, Stopping, boost};
use super::cells::{Cell, Curved, Even, Units};
use super::grow::Growth;
use super::objective::Aim;
use crate::learn::cores::tests::NO_THREADS;
use crate::learn::trees::Tree;

fn growth(max_leaves: usize, min_samples_leaf: usize) -> Growth {
    Growth { max_leaves, max_depth: None, min_samples_leaf, l2: 0.0, max_features: None }
}

fn options(rounds: usize, growth: Growth) -> BoostOptions {
    BoostOptions { rounds, rate: 0.3, growth, subsample: 1.0, stopping: None, seed: 5, threads: 1 }
}

fn binned(columns: &[Vec<f32>]) -> Binned {
    Binned::new(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn leaf<'a>(tree: &'a Tree, columns: &[Vec<f32>], row: usize) -> &'a [f64] {
    tree.predict_by(|feature| columns[feature][row])
}

/// The scores of all rows.
fn scores(boosted: &Boosted, start: &[f64], columns: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let of_row = |row: usize| {
        let mut scores = start.to_vec();
        boosted.trees.iter().for_each(|(tree, score)| scores[*score] += leaf(tree, columns, row)[0]);
        scores
    };
    (0..columns[0].len()).map(of_row).collect()
}

fn fit(columns: &[Vec<f32>], values: &[f64], options: &BoostOptions) -> Boosted {
    boost(&binned(columns), Aim::Numbers(values), &[mean(values)], options)
}

fn rmse(boosted: &Boosted, columns: &[Vec<f32>], values: &[f64]) -> f64 {
    let scores = scores(boosted, &[mean(values)], columns);
    mean(&scores.iter().zip(values).map(|(score, value)| (score[0] - value).powi(2)).collect::<Vec<_>>())
        .sqrt()
}

/// Rows of a leaf, the best split with what it gains, and its sides.
type PlainLeaf = (Vec<usize>, Option<(f64, Vec<usize>, Vec<usize>)>);

/// Whether two gains are too near one another to say which is the greater: gradients are whole numbers of small units
/// where trees are grown in earnest.
fn is_near(gain: f64, other: f64) -> bool {
    (gain - other).abs() < 1e-4 * (1.0 + gain.abs())
}

/// A tree, as the step of each row: all splits of all leaves are tried on the rows themselves. None where two ways to
/// grow it are equally good.
fn plain_tree(columns: &[Vec<f32>], left_over: &[(f64, f64)], growth: &Growth) -> Option<Vec<f64>> {
    let worth = |rows: &[usize]| {
        let (gradient, curvature) = rows
            .iter()
            .fold((0.0, growth.l2), |sum, row| (sum.0 + left_over[*row].0, sum.1 + left_over[*row].1));
        (gradient * gradient / curvature, gradient / curvature)
    };
    let look = |rows: Vec<usize>| -> Option<PlainLeaf> {
        let alone = worth(&rows).0;
        let mut best: Option<(f64, Vec<usize>, Vec<usize>)> = None;
        let mut gains = Vec::new();
        for column in columns {
            let mut values: Vec<f32> =
                rows.iter().map(|row| column[*row]).filter(|value| !value.is_nan()).collect();
            values.sort_unstable_by(f32::total_cmp);
            values.dedup();
            for (gap_left, value) in
                [false, true].iter().flat_map(|gap| values.iter().map(move |value| (*gap, *value)))
            {
                let goes_left = |row: &&usize| {
                    if column[**row].is_nan() { gap_left } else { column[**row] <= value }
                };
                let (left, right): (Vec<usize>, Vec<usize>) = rows.iter().partition(goes_left);
                if left.len().min(right.len()) < growth.min_samples_leaf.max(1) {
                    continue;
                }
                let gain = worth(&left).0 + worth(&right).0 - alone;
                gains.push((gain, if left.contains(&rows[0]) { left.clone() } else { right.clone() }));
                if gain > best.as_ref().map_or(1e-9, |best| best.0 + 1e-9) {
                    best = Some((gain, left, right));
                }
            }
        }
        if let Some((gain, left, right)) = &best {
            let is_other = |side: &Vec<usize>| side != left && side != right;
            if is_near(*gain, 0.0)
                || gains.iter().any(|(other, side)| is_near(*gain, *other) && is_other(side))
            {
                return None;
            }
        }
        Some((rows, best))
    };
    let mut leaves = vec![look((0..left_over.len()).collect())?];
    while leaves.len() < growth.max_leaves {
        let gains = leaves.iter().enumerate().filter_map(|(at, leaf)| Some((leaf.1.as_ref()?.0, at)));
        let Some((gain, at)) = gains.clone().max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
        if gains.filter(|(other, _)| is_near(gain, *other)).count() > 1 {
            return None;
        }
        let (_, best) = leaves.swap_remove(at);
        let (_, left, right) = best.unwrap();
        leaves.extend([look(left)?, look(right)?]);
    }
    let mut steps = vec![0.0; left_over.len()];
    for (rows, _) in &leaves {
        let step = worth(rows).1;
        for row in rows {
            steps[*row] = step;
        }
    }
    Some(steps)
}

fn table(rng: &mut Rng, rows: usize, width: usize, gaps: f64) -> Vec<Vec<f32>> {
    let column = |at: usize, rng: &mut Rng| {
        let distinct = [3_u32, 9, 1_000_000][at % 3];
        let value =
            |rng: &mut Rng| if rng.f64() < gaps { f32::NAN } else { rng.u32(..distinct) as f32 * 0.37 - 1.0 };
        (0..rows).map(|_| value(rng)).collect()
    };
    (0..width).map(|at| column(at, rng)).collect()
}

fn probability(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn trees_are_those_that_the_plainest_way_grows(
        rows in 5_usize..90, seed in any::<u64>(), least in 1_usize..6, l2 in prop_oneof![Just(0.0), Just(2.5)],
        gaps in prop_oneof![Just(0.0), Just(0.2)], are_classes in any::<bool>(),
    ) {
        let mut rng = Rng::with_seed(seed);
        let columns = table(&mut rng, rows, 4, gaps);
        let growth = Growth { l2, ..growth(6, least) };
        let options = options(4, growth);
        let values: Vec<f64> = (0..rows).map(|_| rng.f64() * 7.0).collect();
        let mut classes: Vec<u32> = (0..rows).map(|_| rng.u32(..2)).collect();
        (classes[0], classes[1]) = (0, 1);
        let (aim, start) = if are_classes { (Aim::Classes(&classes, 2), 0.3) } else { (Aim::Numbers(&values), 2.0) };
        let mut plain = vec![start; rows];
        // Compared as far as there is one way to grow.
        let mut rounds = 0;
        for _ in 0..options.rounds {
            let left_over: Vec<(f64, f64)> = (0..rows)
                .map(|row| {
                    let share = probability(plain[row]);
                    let class = f64::from(classes[row]);
                    if are_classes { (class - share, share * (1.0 - share)) } else { (values[row] - plain[row], 1.0) }
                })
                .collect();
            let Some(steps) = plain_tree(&columns, &left_over, &growth) else { break };
            rounds += 1;
            let is_split = steps.iter().any(|step| step.total_cmp(&steps[0]).is_ne());
            if is_split {
                plain.iter_mut().zip(steps).for_each(|(score, step)| *score += options.rate * step);
            }
        }
        let boosted = boost(&binned(&columns), aim, &[start], &BoostOptions { rounds, ..options });
        for (row, (plain, ours)) in plain.iter().zip(scores(&boosted, &[start], &columns)).enumerate() {
            prop_assert!((plain - ours[0]).abs() < 1e-5 * (1.0 + plain.abs()), "row {row}: {plain}, {ours:?}");
        }
    }

    #[test]
    fn a_value_is_in_the_bin_between_its_thresholds(rows in 1_usize..3_000, seed in any::<u64>(), distinct in 1_u32..2_000) {
        let mut rng = Rng::with_seed(seed);
        let skewed = |rng: &mut Rng| (f64::from(rng.u32(..distinct)) * rng.f64().powi(3)).round() as f32 - 3.0;
        let column: Vec<f32> = (0..rows).map(|_| if rng.u8(..20) == 0 { f32::NAN } else { skewed(&mut rng) }).collect();
        let binned = binned(std::slice::from_ref(&column));
        let Binning::Cuts { cuts, .. } = &binned.features[0] else { return Ok(()) };
        prop_assert!(cuts.len() < 255 && cuts.windows(2).all(|pair| pair[0] < pair[1]));
        let mut of_bin = vec![Vec::new(); 256];
        for (row, value) in column.iter().enumerate() {
            let code = binned.codes[row * binned.stride];
            if value.is_nan() {
                prop_assert_eq!(code, GAP_BIN);
                continue;
            }
            prop_assert_eq!(usize::from(code), cuts.iter().filter(|cut| *value > **cut).count());
            of_bin[usize::from(code)].push(*value);
        }
        for bin in &mut of_bin[..255] {
            let length = bin.len();
            bin.sort_unstable_by(f32::total_cmp);
            bin.dedup();
            // Only what is met often fills a bin.
            prop_assert!(bin.len() <= 1 || length <= 2 * rows / 100 + 20, "{} values, {length} rows", bin.len());
        }
    }

    #[test]
    fn sums_are_whole_and_come_apart_again(rows in 1_usize..70_000, seed in any::<u64>(), size in -285_i32..300) {
        fn check<C: Cell>(rows: usize, rng: &mut Rng, size: f64) -> Result<(), TestCaseError> {
            let units = Units::new(rows, size, 0.25);
            let (mut all, mut some, mut gradient, mut curvature) = (C::default(), C::default(), 0.0, 0.0);
            for row in 0..rows {
                // All on the edge in the first half, so that nothing overflows.
                let of = if row * 2 < rows { -1.0 } else { 2.0 * rng.f64() - 1.0 };
                let curve = if row * 2 < rows { 0.25 } else { 0.25 * rng.f64() };
                let cell = C::of_row(&units, of * size, curve);
                all.add(cell);
                if row % 3 == 0 {
                    some.add(cell);
                }
                gradient += of;
                curvature += curve;
            }
            let sums = all.sums(&units);
            prop_assert_eq!(all.rows(&units), rows);
            let exact = sums.gradient / C::gradient_unit(&units) / size;
            prop_assert!((exact - gradient).abs() <= rows as f64 * 2.0_f64.powi(-22), "{exact} {gradient}");
            if C::curvature_unit(&units).total_cmp(&1.0).is_ne() {
                let exact = sums.curvature / C::curvature_unit(&units);
                prop_assert!((exact - curvature).abs() <= rows as f64 * 2.0_f64.powi(-22), "{exact} {curvature}");
            }
            let mut others = all;
            others.take(some);
            prop_assert_eq!(others.rows(&units), rows - rows.div_ceil(3));
            others.add(some);
            prop_assert!(others == all);
            Ok(())
        }
        let mut rng = Rng::with_seed(seed);
        check::<Even>(rows, &mut rng, 10.0_f64.powi(size))?;
        check::<Curved>(rows, &mut rng, 10.0_f64.powi(size))?;
    }
}

#[test]
fn trees_are_the_same_however_many_threads_there_are() {
    let mut rng = Rng::with_seed(2);
    let rows = 30_000;
    let columns = table(&mut rng, rows, 12, 0.05);
    let noise: Vec<f64> = (0..rows).map(|_| rng.f64() - 0.5).collect();
    let known =
        |at: usize, row: usize| if columns[at][row].is_nan() { 1.0 } else { f64::from(columns[at][row]) };
    let values: Vec<f64> =
        (0..rows).map(|row| known(0, row) * known(1, row) + known(2, row) / 1e5 + noise[row]).collect();
    let classes: Vec<u32> = (0..rows).map(|row| (values[row] > 0.5).into()).collect();
    let three: Vec<u32> =
        (0..rows).map(|row| u32::from(values[row] > 0.0) + u32::from(values[row] > 1.5)).collect();
    let heavy: Vec<f64> =
        values.iter().map(|value| if *value > 3.0 { value * 1e12 } else { *value }).collect();
    for (aim, start) in [
        (Aim::Numbers(&values), vec![0.5]),
        (Aim::Numbers(&heavy), vec![0.5]),
        (Aim::Classes(&classes, 2), vec![0.1]),
        (Aim::Classes(&three, 3), vec![-1.0, -1.0, -1.1]),
    ] {
        let one = BoostOptions {
            subsample: 0.7,
            stopping: Some(Stopping { patience: 2, share: 0.1 }),
            ..options(3, Growth { max_features: Some(7), ..growth(15, 20) })
        };
        let alone = boost(&binned(&columns), aim, &start, &one);
        assert!(alone.trees.iter().all(|(tree, _)| tree.len() > 20), "{aim:?}");
        for threads in [2, 3, 5] {
            let slices: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
            let binned = Binned::new(&slices, threads);
            assert!(
                boost(&binned, aim, &start, &BoostOptions { threads, ..one }) == alone,
                "{threads} threads"
            );
        }
        // The system starts none.
        NO_THREADS.set(true);
        assert!(boost(&binned(&columns), aim, &start, &BoostOptions { threads: 5, ..one }) == alone);
        NO_THREADS.set(false);
    }
}

#[test]
fn a_gap_goes_where_rows_with_gaps_belong() {
    let rows = 600;
    let mut rng = Rng::with_seed(4);
    for gaps_are in [0.0, 10.0] {
        let column: Vec<f32> =
            (0..rows).map(|row| if row % 3 == 0 { f32::NAN } else { rng.f32() * 2.0 }).collect();
        let value =
            |value: &f32| if value.is_nan() { gaps_are } else { f64::from(u8::from(*value > 1.0)) * 10.0 };
        let values: Vec<f64> = column.iter().map(value).collect();
        let columns = vec![column];
        let boosted = fit(&columns, &values, &options(40, growth(2, 20)));
        assert!(rmse(&boosted, &columns, &values) < 1e-3, "one split is enough");
    }
    // Where gaps are like no value, they are told from all of them.
    let column: Vec<f32> = (0..rows).map(|row| if row % 2 == 0 { f32::NAN } else { rng.f32() }).collect();
    let values: Vec<f64> = column.iter().map(|value| f64::from(u8::from(value.is_nan()))).collect();
    let columns = vec![column];
    let boosted = fit(&columns, &values, &options(40, growth(2, 20)));
    assert!(rmse(&boosted, &columns, &values) < 1e-3);
    // And one that was never met goes with most rows.
    let columns = vec![(0..rows).map(|row| row as f32).collect::<Vec<_>>()];
    let values: Vec<f64> = (0..rows).map(|row| f64::from(u8::from(row >= 450))).collect();
    let boosted = fit(&columns, &values, &options(1, growth(2, 20)));
    let tree = &boosted.trees[0].0;
    assert_eq!(tree.predict_by(|_| f32::NAN), tree.predict_by(|_| 0.0));
    assert!(tree.predict_by(|_| 500.0)[0] > tree.predict_by(|_| 0.0)[0]);
}

#[test]
fn tables_in_which_there_is_nothing_to_split_leave_the_start() {
    let few: Vec<f64> = (0..30).map(f64::from).collect();
    let varied: Vec<f32> = (0..30).map(|row| row as f32).collect();
    for (columns, values, growth) in [
        (vec![vec![3.0; 30], vec![f32::NAN; 30]], few.clone(), growth(31, 1)),
        (vec![varied.clone()], few, growth(31, 20)),
        (vec![varied.clone()], vec![1.5; 30], growth(31, 1)),
        (vec![vec![1.0]], vec![2.0], growth(31, 1)),
        (vec![varied[..2].to_vec()], vec![2.0, 3.0], growth(31, 2)),
    ] {
        let boosted = fit(&columns, &values, &options(10, growth));
        assert_eq!(boosted.trees.len(), 1);
        assert_eq!(boosted.trees[0].0.leaves, [0.0]);
        assert!(boosted.gains.iter().all(|gain| gain.total_cmp(&0.0).is_eq()), "{:?}", boosted.gains);
    }
    // Two rows are enough where a leaf may have one.
    let boosted = fit(&[varied[..2].to_vec()], &[2.0, 3.0], &options(60, growth(31, 1)));
    assert!(rmse(&boosted, &[varied[..2].to_vec()], &[2.0, 3.0]) < 1e-6);
}

#[test]
fn the_greatest_and_least_numbers_are_told_apart() {
    let mut rng = Rng::with_seed(7);
    let edge = [f32::NEG_INFINITY, f32::MIN, -0.0, 0.0, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY];
    let column: Vec<f32> = (0..700).map(|row| edge[row % 7]).collect();
    let columns = vec![column, (0..700).map(|_| rng.f32()).collect()];
    for size in [1e-200, 1.0, 1e150, 1e300] {
        let values: Vec<f64> =
            (0..700).map(|row| [1.0, 3.0, 0.0, 0.0, 4.0, 2.0, 6.0][row % 7] * size).collect();
        let boosted = fit(&columns, &values, &options(60, growth(7, 5)));
        let scores = scores(&boosted, &[mean(&values)], &columns);
        assert!(
            scores.iter().zip(&values).all(|(score, value)| (score[0] - value).abs() < 1e-6 * size),
            "{size}"
        );
        assert!(
            boosted.gains.iter().all(|gain| gain.is_finite()) && boosted.gains[0] > 0.0,
            "{size}: {:?}",
            boosted.gains
        );
    }
    // A few values that are out of all proportion do not hide the others.
    let values: Vec<f64> =
        (0..700).map(|row| if row < 5 { 1e13 } else { f64::from(u8::from(row % 2 == 0)) }).collect();
    let columns = vec![
        (0..700).map(|row| f32::from(u8::from(row < 5))).collect(),
        (0..700).map(|row| f32::from(u8::from(row % 2 == 0))).collect::<Vec<f32>>(),
    ];
    let rounds = BoostOptions { rate: 1.0, ..options(4, growth(4, 1)) };
    let boosted = fit(&columns, &values, &rounds);
    let scores = scores(&boosted, &[mean(&values)], &columns);
    let gap = scores[100][0] - scores[101][0];
    assert!((gap - 1.0).abs() < 0.02, "{gap}");
}

/// One-hot columns, whose bins are in one byte for all, split as they do by themselves.
#[test]
fn columns_of_which_a_row_has_one_share_a_byte() {
    let mut rng = Rng::with_seed(9);
    let rows = 4_000;
    let level: Vec<usize> = (0..rows).map(|_| rng.usize(..400)).collect();
    let mut columns: Vec<Vec<f32>> =
        (0..399).map(|at| level.iter().map(|level| f32::from(u8::from(*level == at))).collect()).collect();
    let exclusive = binned(&columns);
    assert_eq!(exclusive.stride, 4, "two bytes, and what makes them four");
    let values: Vec<f64> = level.iter().map(|level| (level % 7) as f64 + rng.f64()).collect();
    let together = boost(&exclusive, Aim::Numbers(&values), &[0.0], &options(5, growth(20, 2)));
    // A row that has all of them is enough to keep them apart; it weighs next to nothing in the trees.
    for column in &mut columns {
        column.push(1.0);
    }
    let apart = binned(&columns);
    assert_eq!(apart.stride, 400);
    let alone: Vec<f64> = values.iter().copied().chain([0.0]).collect();
    let apart = boost(&apart, Aim::Numbers(&alone), &[0.0], &options(5, growth(20, 2)));
    let error = |boosted: &Boosted| {
        let scores = scores(boosted, &[0.0], &columns);
        mean(&scores.iter().zip(&values).map(|(score, value)| (score[0] - value).powi(2)).collect::<Vec<_>>())
    };
    let (together, apart) = (error(&together), error(&apart));
    assert!((together - apart).abs() < 0.02 * apart, "{together} {apart}");
}

#[test]
fn rounds_end_where_rows_that_are_kept_apart_gain_nothing() {
    let mut rng = Rng::with_seed(11);
    let columns = table(&mut rng, 2_000, 3, 0.0);
    let noise: Vec<f64> = (0..2_000).map(|_| rng.f64()).collect();
    let stopping = Some(Stopping { patience: 5, share: 0.2 });
    let of_noise = fit(&columns, &noise, &BoostOptions { stopping, ..options(100, growth(31, 5)) });
    assert!(of_noise.trees.len() < 10, "{}", of_noise.trees.len());
    let known: Vec<f64> = columns[1].iter().map(|value| f64::from(*value) * 3.0).collect();
    let of_known = fit(&columns, &known, &BoostOptions { stopping, ..options(30, growth(31, 5)) });
    assert_eq!(of_known.trees.len(), 30);
    let classes: Vec<u32> = known.iter().map(|value| (*value as i64).rem_euclid(3) as u32).collect();
    let aim = Aim::Classes(&classes, 3);
    let three =
        boost(&binned(&columns), aim, &[0.0; 3], &BoostOptions { stopping, ..options(20, growth(31, 5)) });
    assert_eq!(three.trees.len(), 60);
    let scores = scores(&three, &[0.0; 3], &columns);
    let right = scores
        .iter()
        .zip(&classes)
        .filter(|(scores, class)| scores.iter().all(|score| *score <= scores[**class as usize]));
    assert_eq!(right.count(), 2_000, "each value has a class");
}

#[test]
fn depth_leaves_and_drawn_rows_are_kept_to() {
    let mut rng = Rng::with_seed(13);
    let columns = table(&mut rng, 2_000, 6, 0.0);
    let values: Vec<f64> = (0..2_000).map(|row| f64::from(columns[2][row]).sqrt() + rng.f64()).collect();
    for (leaves, depth) in [(31, Some(2)), (5, None), (2, Some(1)), (8, Some(3))] {
        let growth = Growth { max_depth: depth, ..growth(leaves, 3) };
        let boosted = fit(&columns, &values, &BoostOptions { subsample: 0.5, ..options(6, growth) });
        let most = depth.map_or(leaves, |depth| leaves.min(1 << depth));
        assert!(boosted.trees.iter().all(|(tree, _)| tree.leaves.len() <= most), "{leaves} {depth:?}");
        assert!(boosted.trees.iter().any(|(tree, _)| tree.leaves.len() == most), "{leaves} {depth:?}");
    }
    let drawn = |seed: u64| {
        fit(&columns, &values, &BoostOptions { subsample: 0.5, seed, ..options(3, growth(9, 3)) })
    };
    assert!(drawn(1) == drawn(1) && drawn(1) != drawn(2));
    let all = BoostOptions { seed: 8, ..options(3, growth(9, 3)) };
    assert!(
        fit(&columns, &values, &all) == fit(&columns, &values, &options(3, growth(9, 3))),
        "nothing is drawn"
    );
}
