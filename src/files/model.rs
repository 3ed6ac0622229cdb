//! What a model's folder holds: its `MLmodel` file, what it needs, its files.

use super::address::{Address, Source, resolve};
use super::error::{Result, TransferError};
use super::fetch::read_range;
use super::listing::walk;
use super::progress::Progress;
use crate::mlflow::ArtifactFile;
use crate::mlflow::model_file::{Field, Flavor, ModelFile, Signature};
use crate::store::Store;
use crate::text;

/// The file that makes a folder a model.
const MLMODEL: &str = "MLmodel";
const REQUIREMENTS: &str = "requirements.txt";
/// Bytes of either that are read.
const LONGEST: u64 = 8 << 20;
/// Lines of one kind that are told: files, columns, requirements.
const TOLD: usize = 1_000;
/// Cells of a line.
const CELLS: usize = 1_000;
/// Columns that are mentioned in a line.
const MENTIONED: usize = 30;

/// A model's folder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFolder {
    /// The registered model's version that its address led to.
    pub version: Option<(String, u64)>,
    /// What holds its files: `models:/m-…`, `runs:/…/path`, or where they lie.
    pub holder: String,
    /// What `MLmodel` says, or why that is not known.
    pub file: std::result::Result<ModelFile, String>,
    /// Lines of `requirements.txt`.
    pub requirements: Vec<String>,
    /// All files, in path order.
    pub files: Vec<ArtifactFile>,
}

/// A line that is told of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLine {
    /// Empty where the line above has the same.
    pub key: &'static str,
    /// What there is to say.
    pub value: String,
    /// The path of the file that the line is of.
    pub file: Option<String>,
    /// It is bad news.
    pub is_bad: bool,
}

/// Looks into the model at an address.
///
/// # Errors
/// If nothing is there, or the store does not answer. A folder without an `MLmodel` file, or with one that cannot be read, is
/// none: its files are told.
pub async fn model_folder(store: &Store, address: &Address) -> Result<ModelFolder> {
    let source = resolve(store, address).await?;
    let files = walk(&source, &Progress::default()).await?.files;
    let has = |name: &str| files.iter().any(|file| file.path == name);
    let file = if has(MLMODEL) {
        match text_of(&source, MLMODEL).await {
            // Parsing may take its time.
            Ok(text) => match tokio::task::spawn_blocking(move || ModelFile::parse(&text)).await {
                Ok(parsed) => parsed.map_err(|error| format!("{MLMODEL} is no model: {error}")),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        }
    } else {
        Err(format!("there is no {MLMODEL} file: this is no model of MLflow"))
    };
    let requirements = if has(REQUIREMENTS) {
        text_of(&source, REQUIREMENTS).await.unwrap_or_else(|error| format!("not read: {error}"))
    } else {
        String::new()
    };
    let requirements = requirements.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    let requirements = requirements.collect();
    Ok(ModelFolder { version: source.version.clone(), holder: source.holder(), file, requirements, files })
}

async fn text_of(source: &Source, name: &str) -> Result<String> {
    let at = if source.path.is_empty() { name.to_owned() } else { format!("{}/{name}", source.path) };
    let mut bytes = Vec::new();
    read_range(&source.files, &at, (0, LONGEST + 1), |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })
    .await?;
    if bytes.len() as u64 > LONGEST {
        return Err(TransferError::Nothing(format!("{at} is larger than {}", text::bytes(LONGEST))));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl ModelFolder {
    /// All of it in lines.
    pub fn lines(&self) -> Vec<ModelLine> {
        let mut lines = Vec::new();
        match &self.file {
            Ok(file) => told(file, &mut lines),
            Err(error) => lines.push(ModelLine { is_bad: true, ..line("model", error.clone()) }),
        }
        group("requires", self.requirements.iter().cloned(), &mut lines);
        let widest = self.files.iter().map(|file| text::width(&text::clean(&file.path))).max().unwrap_or(0);
        let mut key = "files";
        for file in self.files.iter().take(TOLD) {
            let size = file.file_size.map_or(String::new(), text::bytes);
            let name = text::fit(&text::clean(&file.path), widest, "…");
            let file = Some(file.path.clone());
            lines.push(ModelLine { file, ..line(key, format!("{name}  {size}")) });
            key = "";
        }
        if self.files.len() > TOLD {
            lines.push(line("", format!("and {} more", text::count(self.files.len() - TOLD))));
        }
        lines
    }
}

/// The same in a few lines: which flavors, and what goes in and comes out.
pub fn summary(file: &ModelFile) -> Vec<(&'static str, String)> {
    let joined = |fields: &[Field]| {
        let each = fields.iter().take(MENTIONED).map(|field| {
            let words = [field.name.as_str(), field.kind.as_str()];
            words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ")
        });
        let more = (fields.len() > MENTIONED).then(|| format!("{} in all", text::count(fields.len())));
        each.chain(more).collect::<Vec<_>>().join(", ")
    };
    let flavors = in_order(&file.flavors).into_iter().map(|flavor| flavor.name.as_str());
    let lines = [
        ("flavors", flavors.collect::<Vec<_>>().join(", ")),
        ("inputs", joined(&file.signature.inputs)),
        ("outputs", joined(&file.signature.outputs)),
    ];
    lines.into_iter().filter(|(_, words)| !words.is_empty()).collect()
}

/// Each model can be loaded as a Python function: that is told last.
fn in_order(flavors: &[Flavor]) -> Vec<&Flavor> {
    let mut all: Vec<&Flavor> = flavors.iter().collect();
    all.sort_by_key(|flavor| flavor.name == "python_function");
    all
}

fn line(key: &'static str, value: impl Into<String>) -> ModelLine {
    let value: String = value.into();
    ModelLine { key, value: text::cut(&text::clean(&value), CELLS, "…"), file: None, is_bad: false }
}

/// Lines of which the first has the key.
fn group(key: &'static str, values: impl ExactSizeIterator<Item = String>, lines: &mut Vec<ModelLine>) {
    let hidden = values.len().saturating_sub(TOLD);
    let more = (hidden > 0).then(|| format!("and {} more", text::count(hidden)));
    let told = values.take(TOLD).chain(more).enumerate();
    lines.extend(told.map(|(at, value)| line(if at == 0 { key } else { "" }, value)));
}

fn told(file: &ModelFile, lines: &mut Vec<ModelLine>) {
    let flavors = in_order(&file.flavors).into_iter().map(|flavor| {
        let settings = flavor.settings.iter().map(|(key, value)| format!("{key} {value}"));
        let settings = settings.collect::<Vec<_>>().join(", ");
        if settings.is_empty() { flavor.name.clone() } else { format!("{}: {settings}", flavor.name) }
    });
    group("flavors", flavors, lines);
    for (key, fields) in [
        ("inputs", &file.signature.inputs),
        ("outputs", &file.signature.outputs),
        ("params", &file.signature.params),
    ] {
        group(key, columns(fields), lines);
    }
    if file.is_signature_broken {
        lines.push(ModelLine { is_bad: true, ..line("signature", "cannot be read") });
    } else if file.signature == Signature::default() {
        lines.push(line("signature", "none"));
    }
    let facts = [
        ("example", file.input_example.clone()),
        ("MLflow", file.mlflow_version.clone()),
        ("size", file.size.map(text::bytes)),
        ("logged", file.created.as_ref().map(|time| format!("{time} UTC"))),
    ];
    lines.extend(facts.into_iter().filter_map(|(key, value)| Some(line(key, value?))));
}

/// The fields of a signature under one another: name, type, whether it is optional.
fn columns(fields: &[Field]) -> impl ExactSizeIterator<Item = String> {
    let width = |of: fn(&Field) -> &str| {
        fields.iter().map(|field| text::width(&text::clean(of(field)))).max().unwrap_or(0).min(40)
    };
    let (names, kinds) = (width(|field| &field.name), width(|field| &field.kind));
    fields.iter().map(move |field| {
        let mut cells = Vec::new();
        if names > 0 {
            cells.push(text::fit(&text::clean(&field.name), names, "…"));
        }
        cells.push(text::fit(&text::clean(&field.kind), kinds, "…"));
        cells.extend(field.is_optional.then(|| "optional".to_owned()));
        cells.extend(field.default.as_ref().map(|default| format!("= {default}")));
        cells.join("  ").trim_end().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewRun;
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn a_folder_is_told_with_what_is_wrong_with_it() {
        let store = Store::new(Memory::default());
        let run = NewRun {
            experiment_id: "0".into(),
            run_name: None,
            user_id: "ana".into(),
            start_time: 1,
            tags: Vec::new(),
        };
        let run = store.create_run(&run).await.unwrap().info.run_id;
        let model = "flavors:\n  sklearn:\n    sklearn_version: 1.9.1\nsignature:\n  inputs: '[{\"name\": \"pH\", \"type\": \"long\", \
            \"required\": true}, {\"name\": \"alcohol\", \"type\": \"double\", \"required\": false}]'\n";
        store.write_artifact(&run, "net/MLmodel", model.as_bytes()).await.unwrap();
        store.write_artifact(&run, "net/requirements.txt", b"mlflow==3\n\nnumpy\n").await.unwrap();
        store.write_artifact(&run, "net/data/weights.bin", &[0; 2_000]).await.unwrap();
        store.write_artifact(&run, "odd/MLmodel", b"- 1").await.unwrap();
        store.write_artifact(&run, "plain/a.txt", b"a").await.unwrap();
        let of = async |path: &str| {
            model_folder(&store, &format!("runs:/{run}/{path}").parse().unwrap()).await.map(|folder| {
                let told = folder.lines().into_iter().map(|line| format!("{}|{}", line.key, line.value));
                told.collect::<Vec<_>>()
            })
        };
        assert_eq!(
            of("net").await.unwrap(),
            [
                "flavors|sklearn: sklearn_version 1.9.1",
                "inputs|pH       long",
                "|alcohol  double  optional",
                "requires|mlflow==3",
                "|numpy",
                "files|MLmodel           179 B",
                "|data/weights.bin  2.0 kB",
                "|requirements.txt  17 B",
            ]
        );
        let many: String = (0..3_000).map(|at| ["x\n", "y\n"][at % 2]).collect();
        store.write_artifact(&run, "net/requirements.txt", many.as_bytes()).await.unwrap();
        let told = of("net").await.unwrap();
        assert!(told.contains(&"|and 2,000 more".to_owned()) && told.len() < 1_020);
        assert_eq!(of("odd").await.unwrap()[0], "model|MLmodel is no model: it holds no keys and values");
        assert!(of("plain").await.unwrap()[0].starts_with("model|there is no MLmodel file"));
        assert!(of("none").await.is_err());
    }
}
