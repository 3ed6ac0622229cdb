//! Columns that tell the target by themselves. Such a one may have been written down when the target was known already, and
//! then a model is worth nothing where it is not.

use std::collections::HashSet;

use fastrand::Rng;

use super::data::{ColumnKind, ColumnValues, DataColumn, DataFrame, Target, TargetValues};
use super::features::{Features, Matrix};
use super::folds::Split;
use super::prepare::Preparation;
use super::roles::Roles;
use super::trees::{SampleWeights, Tree, TreeOptions, grow, likeliest};

/// Cells that are looked at in all, and rows at most and at least.
const CELLS: usize = 4_000_000;
const MOST_ROWS: usize = 10_000;
const FEWEST_ROWS: usize = 500;
/// A tree of one column that has so much of the variance, or of each class so many rows right, tells the target.
const NUMBERS_TOLD: f64 = 0.999;
const CLASSES_TOLD: f64 = 0.99;

/// A column that tells the target by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leak {
    /// Its place in the frame.
    pub column: usize,
    /// R² of numbers, the balanced accuracy of classes, of rows that the tree has not seen.
    pub score: f64,
}

/// Those of the columns that are learnt from.
pub fn leaks(frame: &DataFrame, target: &Target, roles: &Roles, split: &Split, folds: usize) -> Vec<Leak> {
    let most = (CELLS / roles.learnt().max(1)).clamp(FEWEST_ROWS, MOST_ROWS);
    let every = split.train.len().div_ceil(most).max(1);
    let some = |rows: &[u32]| {
        rows.iter().copied().filter(|row| (*row as usize).is_multiple_of(every)).collect::<Vec<u32>>()
    };
    let folds: Vec<_> =
        split.folds.iter().take(folds).map(|fold| (some(&fold.train), some(&fold.validation))).collect();
    let told = |column: usize| {
        let mut judged = Judged::new(target);
        for (train, held_out) in
            folds.iter().filter(|(train, held_out)| !train.is_empty() && !held_out.is_empty())
        {
            let step = Preparation::step(frame, roles, &target.values, column, train).0?;
            let features =
                Features::unscaled(Matrix::new(step.apply_to_train(frame, roles, &target.values, train)));
            let growth = TreeOptions { max_depth: Some(8), ..TreeOptions::default() };
            let mut gains = vec![0.0; features.raw.width()];
            let of = target.values.of(train);
            let tree = grow(&features, &of, SampleWeights::Once, &growth, &mut Rng::with_seed(1), &mut gains);
            judged.look(&tree, &Matrix::new(step.apply(frame, held_out)), held_out, &target.values);
        }
        judged.told().map(|score| Leak { column, score })
    };
    (0..frame.columns.len()).filter(|column| roles.is_learnt(*column)).filter_map(told).collect()
}

/// Names of columns that tell rows apart, in small letters.
const NAMES: [&str; 11] =
    ["id", "_id", "index", "idx", "row", "rowid", "row_id", "row_number", "uid", "unnamed: 0", "unnamed_0"];
/// Of fewer rows numbers are in order by chance.
const FEWEST_NUMBERED: usize = 10;

/// Whether a column numbers the rows, from 0 or 1 on; or is called like what does, and has another whole number in each. A
/// model learns nothing of that but the order of the file.
pub fn numbers_rows(column: &DataColumn) -> bool {
    let ColumnValues::Numbers(numbers) = &column.values else { return false };
    if column.kind != ColumnKind::Integer || numbers.len() < FEWEST_NUMBERED {
        return false;
    }
    let is_in_order = |first: f64| {
        numbers.iter().enumerate().all(|(row, number)| (number - first).total_cmp(&(row as f64)).is_eq())
    };
    if [0.0, 1.0].contains(&numbers[0]) && is_in_order(numbers[0]) {
        return true;
    }
    if !NAMES.contains(&column.name.to_lowercase().as_str()) {
        return false;
    }
    let mut met = HashSet::with_capacity(numbers.len());
    numbers.iter().all(|number| !number.is_nan() && met.insert(number.to_bits()))
}

/// What trees of one column say of rows that they have not seen.
enum Judged {
    /// Truths and errors, squared.
    Numbers(Vec<f64>, f64),
    /// Of each class the rows, and those that are taken for it.
    Classes(Vec<(f64, f64)>),
}

impl Judged {
    fn new(target: &Target) -> Self {
        match &target.values {
            TargetValues::Numbers(_) => Self::Numbers(Vec::new(), 0.0),
            TargetValues::Classes { count, .. } => Self::Classes(vec![(0.0, 0.0); *count]),
        }
    }

    fn look(&mut self, tree: &Tree, matrix: &Matrix, rows: &[u32], target: &TargetValues) {
        for (at, row) in rows.iter().enumerate() {
            let said = tree.predict(matrix, at);
            match (&mut *self, target) {
                (Self::Numbers(truths, errors), TargetValues::Numbers(values)) => {
                    let truth = values[*row as usize];
                    truths.push(truth);
                    *errors += (truth - said[0]).powi(2);
                }
                (Self::Classes(met), TargetValues::Classes { classes, .. }) => {
                    let class = classes[*row as usize] as usize;
                    let is_right = likeliest(said) == class;
                    met[class].0 += 1.0;
                    met[class].1 += f64::from(u8::from(is_right));
                }
                _ => {}
            }
        }
    }

    /// The score, where it is that of a leak.
    fn told(&self) -> Option<f64> {
        match self {
            Self::Numbers(truths, errors) => {
                let mean = truths.iter().sum::<f64>() / truths.len() as f64;
                let all: f64 = truths.iter().map(|truth| (truth - mean).powi(2)).sum();
                Some(1.0 - errors / all).filter(|score| *score >= NUMBERS_TOLD)
            }
            Self::Classes(met) => {
                let recalls = met.iter().filter(|(rows, _)| *rows > 0.0).map(|(rows, right)| right / rows);
                let recalls: Vec<f64> = recalls.collect();
                let score = recalls.iter().sum::<f64>() / recalls.len() as f64;
                (recalls.len() > 1 && score >= CLASSES_TOLD).then_some(score)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{Judged, Matrix, TargetValues, Tree};
    use crate::learn::data::{ReadOptions, Target, Task, bundled, load};
    use crate::learn::report::DataReport;
    use crate::learn::study::TrainingData;

    fn study(text: &str, target: &str, task: Task) -> TrainingData {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
        let target = Target::new(&frame, target, Some(task)).unwrap();
        TrainingData::new(frame, target, 0.2, 5, 1).unwrap()
    }

    fn told(study: &TrainingData) -> Vec<&str> {
        study.leaks().iter().map(|leak| study.frame.columns[leak.column].name.as_str()).collect()
    }

    #[test]
    fn what_numbers_the_rows_is_told() {
        let table = |name: &str, number: &dyn Fn(usize) -> String| {
            (0..60).fold(format!("{name},size,price\n"), |text, row| {
                text + &format!("{},{},{}\n", number(row), (row * 7) % 10, (row * 3) % 11)
            })
        };
        let told = |text: &str| {
            let report = DataReport::of(&study(text, "price", Task::Regression));
            (report.lines().join("\n"), report.briefly().join("; "))
        };
        let shuffled = |row: usize| ((row * 7) % 60 + 1_000).to_string();
        for (name, number, option) in [
            ("Unnamed: 0", &(|row: usize| row.to_string()) as &dyn Fn(usize) -> String, "'Unnamed: 0'"),
            ("", &|row| row.to_string(), "unnamed_0"),
            ("t", &|row| (row + 1).to_string(), "t"),
            ("ID", &shuffled, "ID"),
        ] {
            let (lines, briefly) = told(&table(name, number));
            assert!(
                lines.contains(&format!(
                    "only numbers the rows, but is learnt from: to leave it out, pass --ignore {option}"
                )),
                "{lines}"
            );
            assert!(briefly.contains("only numbers the rows; ignore it?"), "{briefly}");
        }
        for (name, number) in [
            ("t", &shuffled as &dyn Fn(usize) -> String),
            ("t", &|row| (row + 2).to_string()),
            ("id", &|row| (row % 30).to_string()),
            ("t", &|row| if row == 9 { String::new() } else { row.to_string() }),
        ] {
            let (lines, briefly) = told(&table(name, number));
            assert!(!lines.contains("numbers the rows") && !briefly.contains("numbers"), "{lines}");
        }
        // There is nothing else to learn from.
        let alone = (0..60)
            .fold(String::from("id,price\n"), |text, row| text + &format!("{row},{}\n", (row * 3) % 11));
        assert!(!told(&alone).0.contains("numbers the rows"));
    }

    /// Of rows of which nothing is known each class is as likely.
    #[test]
    fn what_says_two_classes_alike_tells_none() {
        let mut tree = Tree::new(2);
        let root = tree.add();
        tree.close(root, [0.5, 0.5].into_iter());
        let target = TargetValues::Classes { classes: vec![0, 1, 0, 1], count: 2 };
        let mut judged = Judged::Classes(vec![(0.0, 0.0); 2]);
        judged.look(&tree, &Matrix::new(vec![vec![1.0; 4]]), &[0, 1, 2, 3], &target);
        assert_eq!(judged.told(), None);
    }

    #[test]
    fn what_tells_the_target_by_itself_is_told() {
        let mut rng = fastrand::Rng::with_seed(3);
        let rows: String = (0..300).fold(String::from("size,paid,status,noise,price,sold\n"), |text, row| {
            let (size, noise) = (rng.f64(), rng.f64());
            let price = 100.0 * size + 20.0 * noise;
            let sold = if price > 60.0 { "yes" } else { "no" };
            let status = if sold == "yes" { ["done", "billed"][row % 2] } else { "open" };
            text + &format!("{size},{},{status},{noise},{price},{sold}\n", price * 1.19 + 3.0)
        });
        let by_price = study(&rows, "price", Task::Regression);
        assert_eq!(told(&by_price), ["paid"]);
        let by_class = study(&rows, "sold", Task::Classification);
        assert_eq!(told(&by_class), ["paid", "status", "price"]);
        let report = DataReport::of(&by_class);
        let lines = report.lines().join("\n");
        let line = "t: status alone tells the target (balanced accuracy 1.000): if it is not known before, pass --ignore status";
        assert!(lines.contains(line), "{lines}");
        assert!(
            report.briefly().join("; ").contains("paid, status, price alone tell the target"),
            "{:?}",
            report.briefly()
        );
        for name in ["iris", "breast-cancer", "diabetes", "wine-quality"] {
            let set = bundled::find(name).unwrap();
            let frame = set.frame(&ReadOptions::default()).unwrap();
            let target = Target::new(&frame, set.target, Some(set.task)).unwrap();
            assert!(TrainingData::new(frame, target, 0.2, 5, 1).unwrap().leaks().is_empty(), "{name}");
        }
    }
}
