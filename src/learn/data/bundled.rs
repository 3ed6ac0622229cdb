//! The data sets that come with the program. Their sources and licences stand in `assets/data/README.md`.

use std::path::Path;

use super::{DataError, DataFrame, ReadOptions, Task, delimited};

/// A data set that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// What `--data` calls it.
    pub name: &'static str,
    /// One line.
    pub description: &'static str,
    /// The column to predict.
    pub target: &'static str,
    /// Numbers or classes.
    pub task: Task,
    packed: &'static [u8],
}

const WINE: &[u8] = include_bytes!("../../../assets/data/wine-quality.csv.gz");

/// All of them.
pub const SETS: [Bundled; 5] = [
    Bundled {
        name: "wine-quality",
        description: "1,599 red wines: quality by eleven measurements",
        target: "quality",
        task: Task::Regression,
        packed: WINE,
    },
    Bundled {
        name: "wine-quality-class",
        description: "1,599 red wines: quality, 3 to 8, as a class",
        target: "quality",
        task: Task::Classification,
        packed: WINE,
    },
    Bundled {
        name: "iris",
        description: "150 irises: species by four measurements",
        target: "species",
        task: Task::Classification,
        packed: include_bytes!("../../../assets/data/iris.csv.gz"),
    },
    Bundled {
        name: "diabetes",
        description: "442 patients: progression after a year by ten measurements",
        target: "progression",
        task: Task::Regression,
        packed: include_bytes!("../../../assets/data/diabetes.csv.gz"),
    },
    Bundled {
        name: "breast-cancer",
        description: "569 tumours: malignant or benign by thirty measurements",
        target: "diagnosis",
        task: Task::Classification,
        packed: include_bytes!("../../../assets/data/breast-cancer.csv.gz"),
    },
];

/// The set of that name.
pub fn find(name: &str) -> Option<&'static Bundled> {
    SETS.iter().find(|set| set.name == name)
}

impl Bundled {
    /// Unpacks and reads it.
    ///
    /// # Errors
    /// Where it cannot be read in that way.
    pub fn frame(&self, reading: &ReadOptions) -> Result<DataFrame, DataError> {
        // It is known how it was written.
        let reading = ReadOptions { separator: None, decimal: None, no_header: false, ..reading.clone() };
        let mut frame = delimited::read_packed(Path::new(self.name), self.packed, &reading)?;
        self.name.clone_into(&mut frame.name);
        frame.source = format!("mltui:{}", self.name);
        Ok(frame)
    }
}
