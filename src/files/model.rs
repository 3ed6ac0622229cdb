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
/// Bytes of an input example that are read, lines of it that are told, and cells of a cell.
const EXAMPLE: u64 = 16 << 10;
const EXAMPLE_LINES: usize = 8;
const EXAMPLE_CELLS: usize = 24;
/// Cells of a field's name or type.
const FIELD: usize = 60;
/// Fields of a signature that are told where there is little room.
const FEW: usize = 6;
/// Files of a folder that opens by itself.
const OPEN: usize = 100;

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
    /// The beginning of the input example, in lines.
    pub example: Vec<String>,
    /// All files, in path order.
    pub files: Vec<ArtifactFile>,
}

/// A line that is told of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelLine {
    /// Empty where the line above has the same.
    pub key: &'static str,
    /// What there is to say.
    pub value: String,
    /// The path of the file, or of the folder, that the line is of.
    pub file: Option<String>,
    /// That is a folder.
    pub is_folder: bool,
    /// It holds the titles of the table below.
    pub is_title: bool,
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
    let example = match file.as_ref().ok().and_then(|file| file.input_example.as_deref()) {
        Some(name) if has(name) => beginning(&source, name).await,
        Some(_) | None => Vec::new(),
    };
    let (version, holder) = (source.version.clone(), source.holder());
    Ok(ModelFolder { version, holder, file, requirements, example, files })
}

/// The first lines of an input example: what is no text is only named.
async fn beginning(source: &Source, name: &str) -> Vec<String> {
    let bytes = match bytes_of(source, name, EXAMPLE).await {
        Ok(bytes) => bytes,
        Err(error) => return vec![format!("not read: {error}")],
    };
    let is_part = bytes.len() as u64 == EXAMPLE;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        // A letter may be cut in two.
        Err(error) if is_part && error.valid_up_to() + 4 > bytes.len() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Vec::new(),
    };
    let mut lines = text::readable(text);
    // A table of pandas is one: its columns are its titles.
    if let Some(table) = split_table(text) {
        lines = table;
    }
    let is_cut = is_part || lines.len() > EXAMPLE_LINES;
    lines.truncate(EXAMPLE_LINES);
    lines.extend(is_cut.then(|| "…".to_owned()));
    lines
}

/// A small table as pandas writes it, `{"columns": […], "data": [[…], …]}`, in lines.
fn split_table(text: &str) -> Option<Vec<String>> {
    let parsed: serde_json::Value = serde_json::from_str(text).ok()?;
    let row = |row: &serde_json::Value| -> Option<Vec<String>> {
        let words = |cell: &serde_json::Value| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        Some(
            row.as_array()?
                .iter()
                .map(|cell| text::cut(&text::clean(&words(cell)), EXAMPLE_CELLS, "…"))
                .collect(),
        )
    };
    let columns = row(&parsed["columns"])?;
    let data = parsed["data"].as_array()?.iter().map(row).collect::<Option<Vec<_>>>()?;
    let is_number =
        |at: usize| data.iter().all(|row| row.get(at).is_none_or(|cell| cell.parse::<f64>().is_ok()));
    let numbers: Vec<bool> = (0..columns.len()).map(is_number).collect();
    let rows: Vec<Vec<String>> = std::iter::once(columns).chain(data.iter().cloned()).collect();
    Some(text::aligned(&rows, |at| numbers.get(at) == Some(&true)))
}

async fn bytes_of(source: &Source, name: &str, most: u64) -> Result<Vec<u8>> {
    let at = if source.path.is_empty() { name.to_owned() } else { format!("{}/{name}", source.path) };
    let mut bytes = Vec::new();
    read_range(&source.files, &at, (0, most), |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })
    .await?;
    Ok(bytes)
}

async fn text_of(source: &Source, name: &str) -> Result<String> {
    let bytes = bytes_of(source, name, LONGEST + 1).await?;
    if bytes.len() as u64 > LONGEST {
        return Err(TransferError::Nothing(format!("{name} is larger than {}", text::bytes(LONGEST))));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl ModelFolder {
    /// All of it in lines.
    pub fn lines(&self) -> Vec<ModelLine> {
        self.lines_with(|_| false)
    }

    /// The same, with folders closed that are open otherwise, and the other way round: a folder of many files is closed.
    pub fn lines_with(&self, is_turned: impl Fn(&str) -> bool) -> Vec<ModelLine> {
        let mut lines = Vec::new();
        match &self.file {
            Ok(file) => told(file, &self.example, &mut lines),
            Err(error) => lines.push(ModelLine { is_bad: true, ..line("model", error.clone()) }),
        }
        group("requires", self.requirements.iter().cloned(), TOLD, &mut lines);
        let tree = super::tree::lines(&self.files, |path, files| (files <= OPEN) != is_turned(path));
        let hidden = tree.len().saturating_sub(TOLD);
        let mut key = "files";
        for entry in tree.into_iter().take(TOLD) {
            let ModelLine { value, .. } = line("", entry.words);
            lines.push(ModelLine {
                key,
                value,
                file: Some(entry.path),
                is_folder: entry.is_folder,
                ..ModelLine::default()
            });
            key = "";
        }
        if hidden > 0 {
            lines.push(line("", format!("and {} more", text::count(hidden))));
        }
        lines
    }
}

/// The same in a few lines: which flavors, and what goes in and comes out.
pub fn summary(file: &ModelFile) -> Vec<ModelLine> {
    let mut lines = Vec::new();
    let flavors = in_order(&file.flavors).into_iter().map(|flavor| flavor.name.as_str());
    let flavors = flavors.collect::<Vec<_>>().join(", ");
    if !flavors.is_empty() {
        lines.push(line("flavors", flavors));
    }
    table("inputs", &file.signature.inputs, FEW, &mut lines);
    table("outputs", &file.signature.outputs, FEW, &mut lines);
    lines
}

/// Each model can be loaded as a Python function: that is told last.
fn in_order(flavors: &[Flavor]) -> Vec<&Flavor> {
    let mut all: Vec<&Flavor> = flavors.iter().collect();
    all.sort_by_key(|flavor| flavor.name == "python_function");
    all
}

fn line(key: &'static str, value: impl Into<String>) -> ModelLine {
    let value: String = value.into();
    ModelLine { key, value: text::cut(&text::clean(&value), CELLS, "…"), ..ModelLine::default() }
}

/// Lines of which the first has the key.
fn group(
    key: &'static str,
    values: impl ExactSizeIterator<Item = String>,
    most: usize,
    lines: &mut Vec<ModelLine>,
) {
    let hidden = values.len().saturating_sub(most);
    let more = (hidden > 0).then(|| format!("and {} more", text::count(hidden)));
    let told = values.take(most).chain(more).enumerate();
    lines.extend(told.map(|(at, value)| line(if at == 0 { key } else { "" }, value)));
}

fn told(file: &ModelFile, example: &[String], lines: &mut Vec<ModelLine>) {
    let flavors = in_order(&file.flavors).into_iter().map(|flavor| {
        let settings = flavor.settings.iter().map(|(key, value)| format!("{key} {value}"));
        let settings = settings.collect::<Vec<_>>().join(", ");
        if settings.is_empty() { flavor.name.clone() } else { format!("{}: {settings}", flavor.name) }
    });
    group("flavors", flavors, TOLD, lines);
    for (key, fields) in [
        ("inputs", &file.signature.inputs),
        ("outputs", &file.signature.outputs),
        ("params", &file.signature.params),
    ] {
        table(key, fields, TOLD, lines);
    }
    if file.is_signature_broken {
        lines.push(ModelLine { is_bad: true, ..line("signature", "cannot be read") });
    } else if file.signature == Signature::default() {
        lines.push(line("signature", "none"));
    }
    if let Some(name) = &file.input_example {
        lines.push(line("example", name));
        lines.extend(example.iter().map(|words| line("", words)));
    }
    let facts = [
        ("MLflow", file.mlflow_version.clone()),
        ("size", file.size.map(text::bytes)),
        ("logged", file.created.as_ref().map(|time| format!("{time} UTC"))),
    ];
    lines.extend(facts.into_iter().filter_map(|(key, value)| Some(line(key, value?))));
}

/// The fields of a signature under one another, under titles: name, type, whether it is required, the default.
fn table(key: &'static str, fields: &[Field], most: usize, lines: &mut Vec<ModelLine>) {
    if fields.is_empty() {
        return;
    }
    let has = |of: fn(&Field) -> bool| fields.iter().any(of);
    let columns = [
        has(|field| !field.name.is_empty()),
        true,
        has(|field| field.is_optional),
        has(|field| field.default.is_some()),
    ];
    let row = |cells: [String; 4]| -> Vec<String> {
        let shown = cells.into_iter().zip(columns).filter(|(_, is_shown)| *is_shown);
        shown.map(|(cell, _)| text::cut(&text::clean(&cell), FIELD, "…")).collect()
    };
    let cells = |field: &Field| {
        let required = if field.is_optional { "no" } else { "yes" };
        row([
            field.name.clone(),
            field.kind.clone(),
            required.to_owned(),
            field.default.clone().unwrap_or_default(),
        ])
    };
    let told = fields.iter().take(most).map(cells);
    let rows: Vec<Vec<String>> =
        std::iter::once(row(["name", "type", "required", "default"].map(str::to_owned)))
            .chain(told)
            .collect();
    let from = lines.len();
    group(key, text::aligned(&rows, |_| false).into_iter(), usize::MAX, lines);
    lines[from].is_title = true;
    if fields.len() > most {
        lines.push(line("", format!("and {} more", text::count(fields.len() - most))));
    }
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
                "inputs|name     type    required",
                "|pH       long    yes",
                "|alcohol  double  no",
                "requires|mlflow==3",
                "|numpy",
                "files|v data/             2.0 kB",
                "|    weights.bin     2.0 kB",
                "|  MLmodel           179 B",
                "|  requirements.txt  17 B",
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
