//! What of the data, as they were read, decides how trials come out: other data, or the same read in another way, make
//! trials that do not compare. What is only told of them is not in it.

use flate2::Crc;

use super::data::{ColumnValues, DataColumn, GAP, TargetValues};
use super::roles::ColumnRole;
use super::study::TrainingData;

/// A checksum of parts, each with its length.
#[derive(Default)]
struct Sum {
    crc: Crc,
    part: Vec<u8>,
}

impl Sum {
    fn text(&mut self, text: &str) {
        self.part.extend_from_slice(text.as_bytes());
        self.end();
    }

    fn numbers(&mut self, numbers: impl Iterator<Item = f64>) {
        // Gaps of any bits are gaps.
        self.words(numbers.map(|number| if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() }));
    }

    fn words(&mut self, words: impl Iterator<Item = u64>) {
        words.for_each(|word| self.part.extend_from_slice(&word.to_le_bytes()));
        self.end();
    }

    fn end(&mut self) {
        self.crc.update(&(self.part.len() as u64).to_le_bytes());
        self.crc.update(&self.part);
        self.part.clear();
    }

    fn column(&mut self, column: &DataColumn, role: &ColumnRole, rows: &[u32]) {
        let (base, used) = match role {
            ColumnRole::Number { base, .. } => (*base, &[][..]),
            ColumnRole::Levels(levels) => (0.0, levels.as_slice()),
            ColumnRole::Means(levels) => {
                self.text("means");
                (0.0, levels.as_slice())
            }
            ColumnRole::Time { base, parts } => {
                for part in parts {
                    self.text(part.as_str());
                }
                (*base, &[][..])
            }
            ColumnRole::Target | ColumnRole::LeftOut(_) => return,
        };
        self.text(&column.name);
        self.text(column.kind.as_mlflow());
        self.numbers([base].into_iter());
        match &column.values {
            ColumnValues::Numbers(numbers) => self.numbers(rows.iter().map(|row| numbers[*row as usize])),
            ColumnValues::Texts { codes, levels } => {
                for level in used {
                    self.text(&levels[*level as usize]);
                }
                let place = |row: &u32| match codes[*row as usize] {
                    GAP => u64::MAX,
                    code => used.binary_search(&code).map_or(u64::MAX - 1, |place| place as u64),
                };
                self.words(rows.iter().map(place));
            }
        }
    }
}

impl TrainingData {
    /// Eight hexadecimal digits: the same wherever trials compare.
    pub fn fingerprint(&self) -> String {
        let mut sum = Sum::default();
        let (frame, target, rows) = (&self.frame, &self.target, &self.target.rows);
        for (at, column) in frame.columns.iter().enumerate() {
            sum.column(column, self.roles.of(at), rows);
        }
        sum.text(&target.name);
        sum.text(target.task.as_str());
        sum.words(rows.iter().map(|row| u64::from(*row)));
        match &target.values {
            TargetValues::Numbers(values) => sum.numbers(rows.iter().map(|row| values[*row as usize])),
            TargetValues::Classes { classes, count } => {
                (0..*count)
                    .filter_map(|class| Some(target.labels.as_ref()?.name(class)))
                    .for_each(|name| sum.text(&name));
                sum.words(rows.iter().map(|row| u64::from(classes[*row as usize])));
            }
        }
        sum.words(self.split.test.iter().map(|row| u64::from(*row)));
        for fold in &self.split.folds {
            sum.words(fold.validation.iter().map(|row| u64::from(*row)));
            // By chance and by groups it is all others.
            if self.plan.time_column.is_some() {
                sum.words(fold.train.iter().map(|row| u64::from(*row)));
            }
        }
        if let Some(of) = self.weights.of_rows() {
            sum.text("weights");
            sum.numbers(rows.iter().map(|row| of[*row as usize]));
        }
        if let Some(weight) = &self.weights.plan.class_weight {
            sum.text(&weight.to_string());
        }
        format!("{:08x}", sum.crc.sum())
    }
}

#[cfg(test)]
mod tests {
    use crate::learn::data::{ReadOptions, Target, bundled, load};
    use crate::learn::study::TrainingData;

    fn read(text: &str, reading: &ReadOptions, seed: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, text).unwrap();
        let frame = load(path.to_str().unwrap(), reading).unwrap();
        let target = Target::new(&frame, "y", None).unwrap();
        TrainingData::new(frame, target, 0.2, 2, seed).unwrap().fingerprint()
    }

    #[test]
    fn what_decides_is_in_it_and_what_is_told_is_not() {
        let table = |rows: &dyn Fn(usize) -> String| {
            let rows: Vec<String> = (0..40).map(rows).collect();
            format!("a,b,same,y\n{}\n", rows.join("\n"))
        };
        let plain = ReadOptions::default();
        let one = table(&|row| format!("{row},{},1,{}", ["x", "z"][row % 2], row * 3));
        let known = read(&one, &plain, 1);
        assert_eq!(read(&one, &plain, 1), known);
        // A column that is left out tells other things, and changes no trial.
        let other_constant = table(&|row| format!("{row},{},2,{}", ["x", "z"][row % 2], row * 3));
        assert_eq!(read(&other_constant, &plain, 1), known);
        let one_value =
            table(&|row| format!("{row},{},1,{}", ["x", "z"][row % 2], row * 3 + usize::from(row == 7)));
        let one_level = table(&|row| format!("{row},{},1,{}", ["x", "w"][row % 2], row * 3));
        let gap = table(&|row| {
            format!("{},{},1,{}", if row == 3 { "" } else { "5" }, ["x", "z"][row % 2], row * 3)
        });
        for changed in [one_value, one_level, gap] {
            assert_ne!(read(&changed, &plain, 1), known);
        }
        assert_ne!(read(&one, &plain, 2), known, "other folds");
        let ignored = ReadOptions { ignored: vec!["a".into()], ..ReadOptions::default() };
        assert_ne!(read(&one, &ignored, 1), known);
    }

    /// Whoever changes this makes every sweep that was begun before one that cannot go on.
    #[test]
    fn a_sweep_of_an_earlier_version_can_go_on() {
        let set = bundled::find("iris").unwrap();
        let frame = load("iris", &ReadOptions::default()).unwrap();
        let target = Target::new(&frame, set.target, None).unwrap();
        assert_eq!(TrainingData::new(frame, target, 0.2, 5, 1).unwrap().fingerprint(), "023b20d9");
    }
}
