//! Fitted models as ONNX, preparation included: what goes in are the columns of the data set, what comes out is the
//! prediction, and of classes a probability each.
//!
//! All sums are done in double precision, as [`super::model`] does them; the output is single.

mod calendar;
mod forms;
mod graph;
mod pairs;
mod proto;

use prost::Message;

use self::forms::{FeatureWires, scores};
use self::graph::{Graph, ML, Type, Wire, int, ints, texts};
use self::proto::{ModelProto, OperatorSetIdProto};
use super::data::{ColumnKind, ColumnValues, DataColumn, DataFrame, Labels};
use super::model::{FittedModel, Link, ModelForm};
use super::prepare::{Encoding, Preparation};

/// Above so many classes their probabilities are not brought out one by one.
const MOST_CLASSES: usize = 50;
/// What `pandas.read_csv` takes for a gap.
const GAPS_OF_PANDAS: [&str; 18] = [
    "None", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null",
    "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN",
];

/// An output of a model: its name, and its type in MLflow's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// As the model calls it.
    pub name: String,
    /// In MLflow's words.
    pub kind: &'static str,
}

/// A model as a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The file, of opset 17, or 20 where it takes dates.
    pub bytes: Vec<u8>,
    /// The columns that go in, by their place in the frame.
    pub inputs: Vec<usize>,
    /// In the order of the file.
    pub outputs: Vec<Output>,
}

/// Writes a model that was fitted to prepared rows of a frame.
pub fn export(
    model: &FittedModel,
    preparation: &Preparation,
    frame: &DataFrame,
    labels: Option<&Labels>,
) -> Exported {
    let mut graph = Graph::new("mltui", "");
    let inputs: Vec<usize> = preparation.encodings.iter().map(Encoding::column).collect();
    // A data frame of one column is handed over as a table.
    let sizes: &[Option<i64>] = if inputs.len() == 1 { &[None, Some(1)] } else { &[None] };
    let parts: Vec<Wire> = preparation
        .encodings
        .iter()
        .map(|step| prepared(&mut graph, step, frame, sizes, model.takes_gaps()))
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let features = graph.node("Concat", &parts, vec![int("axis", 1)]);
    let with_gaps = graph.cast(&features, Type::Double);
    // Only members of an average differ in what they take.
    let filled = match &model.form {
        ModelForm::Average { .. } if model.takes_gaps() => filled(&mut graph, preparation, &features),
        _ => with_gaps.clone(),
    };
    let features = FeatureWires { filled, with_gaps };
    let scores = scores(&mut graph, model, preparation, &features);
    let outputs = finish(&mut graph, model, &scores, labels);
    let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
    // Texts come apart since 20 only.
    let has_dates = preparation.encodings.iter().any(|step| matches!(step, Encoding::Time { .. }));
    let (version, operators) = if has_dates { (9, 20) } else { (8, 17) };
    let proto = ModelProto {
        ir_version: version,
        producer_name: "mltui".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph.finish()),
        opset_import: vec![opset("", operators), opset(ML, 3)],
    };
    Exported { bytes: proto.encode_to_vec(), inputs, outputs }
}

/// Features in single precision with what stands for gaps in their place, in double precision.
fn filled(graph: &mut Graph, preparation: &Preparation, features: &str) -> Wire {
    let mut fills: Vec<f32> = Vec::with_capacity(preparation.names.len());
    for step in &preparation.encodings {
        match step {
            Encoding::Number { fill, .. } => fills.push(*fill),
            Encoding::Time { fills: of_parts, .. } => fills.extend(of_parts),
            // They have features for gaps, or a level that stands for them.
            Encoding::Levels { .. } | Encoding::Means { .. } => fills.extend(vec![0.0; step.width()]),
        }
    }
    let gap = graph.node("IsNaN", &[features], Vec::new());
    let fills = graph.floats(&[fills.len()], fills);
    let filled = graph.node("Where", &[&gap, &fills, features], Vec::new());
    graph.cast(&filled, Type::Double)
}

/// A column as features in single precision: a table with a row each.
fn prepared(
    graph: &mut Graph,
    step: &Encoding,
    frame: &DataFrame,
    sizes: &[Option<i64>],
    keeps_gaps: bool,
) -> Wire {
    let column = &frame.columns[step.column()];
    match step {
        Encoding::Number { base, fill, .. } => {
            let has_base = base.total_cmp(&0.0).is_ne();
            let of = match column.kind {
                ColumnKind::Integer => Type::Int64,
                ColumnKind::Boolean => Type::Bool,
                // What single precision does not hold is taken in double.
                ColumnKind::Real | ColumnKind::Text | ColumnKind::Time(_) if has_base => Type::Double,
                ColumnKind::Real | ColumnKind::Text | ColumnKind::Time(_) => Type::Float,
            };
            let mut input = graph.input(&column.name, of, sizes);
            if has_base {
                let double = graph.cast(&input, Type::Double);
                let base = graph.doubles(&[1], [*base]);
                input = graph.node("Sub", &[&double, &base], Vec::new());
            }
            let number = if of == Type::Float { input } else { graph.cast(&input, Type::Float) };
            let column = graph.reshape(&number, &[-1, 1]);
            if keeps_gaps || matches!(of, Type::Int64 | Type::Bool) {
                return column;
            }
            let gap = graph.node("IsNaN", &[&column], Vec::new());
            let fill = graph.floats(&[1], [*fill]);
            graph.node("Where", &[&gap, &fill, &column], Vec::new())
        }
        Encoding::Time { base, parts, fills, .. } => {
            let input = graph.input(&column.name, Type::Text, sizes);
            let input = graph.reshape(&input, &[-1]);
            let (moments, gap) = calendar::moments(graph, &input, column, *base);
            let features = calendar::parts(graph, &moments, *base, parts);
            let fills: Vec<f32> = if keeps_gaps { vec![f32::NAN; parts.len()] } else { fills.clone() };
            let fills = graph.floats(&[parts.len()], fills);
            graph.node("Where", &[&gap, &fills, &features], Vec::new())
        }
        Encoding::Means { table, .. } => {
            let input = graph.input(&column.name, Type::Text, sizes);
            let input = graph.reshape(&input, &[-1]);
            let names: &[String] = match &column.values {
                ColumnValues::Texts { levels, .. } => levels,
                ColumnValues::Numbers(_) => &[],
            };
            let count = names.len() as i64;
            let code = codes(graph, &input, column, names, (count, count + 1));
            let width = table[0].len();
            let table = graph.floats(&[table.len(), width], table.iter().flatten().copied());
            graph.node("Gather", &[&table, &code], Vec::new())
        }
        Encoding::Levels { levels, fill, .. } => {
            let input = graph.input(&column.name, Type::Text, sizes);
            let input = graph.reshape(&input, &[-1]);
            let names: &[String] = match &column.values {
                ColumnValues::Texts { levels, .. } => levels,
                ColumnValues::Numbers(_) => &[],
            };
            let code = codes(graph, &input, column, names, (i64::from(*fill), -1));
            let wanted = levels.iter().map(|level| i64::from(*level)).collect();
            let one_hot =
                graph.ml("OneHotEncoder", &[&code], vec![ints("cats_int64s", wanted), int("zeros", 1)]);
            graph.reshape(&one_hot, &[-1, levels.len() as i64])
        }
    }
}

/// Texts as the numbers of their levels; what a gap is, and what a level is that was not met, is said.
fn codes(
    graph: &mut Graph,
    input: &str,
    column: &DataColumn,
    names: &[String],
    (gap, unknown): (i64, i64),
) -> Wire {
    // An empty text is a gap, and so is each word that was one in the data.
    let gaps = || column.gap_words.iter().map(|(word, _)| word.clone()).chain([String::new()]);
    let gap = of_gap(column, names).map_or(gap, i64::from);
    let keys = names.iter().cloned().chain(gaps());
    let values = (0..names.len() as i64).chain(gaps().map(|_| gap)).collect();
    let settings =
        vec![texts("keys_strings", keys), ints("values_int64s", values), int("default_int64", unknown)];
    graph.ml("LabelEncoder", &[input], settings)
}

/// The level that an empty text can only stand for. Python reads words as gaps that are levels here, as `None` is among
/// texts: where the data had no gap, and one such level, a gap is that level.
fn of_gap(column: &DataColumn, names: &[String]) -> Option<u32> {
    let mut words = (0..).zip(names).filter(|(_, name)| GAPS_OF_PANDAS.contains(&name.as_str()));
    let (code, _) = words.next()?;
    (words.next().is_none() && column.gaps() == 0).then_some(code)
}

/// From scores (double, a column each) to outputs.
fn finish(graph: &mut Graph, model: &FittedModel, scores: &str, labels: Option<&Labels>) -> Vec<Output> {
    let rows: &[Option<i64>] = &[None];
    let Some(labels) = labels else {
        let number = graph.cast(scores, Type::Float);
        let number = graph.reshape(&number, &[-1]);
        graph.output("prediction", &number, Type::Float, rows);
        return vec![Output { name: "prediction".into(), kind: "float" }];
    };
    let count = labels.len();
    let decisions = decisions(graph, &model.link, scores);
    let single = graph.cast(&decisions, Type::Float);
    let class = graph.node("ArgMax", &[&single], vec![int("axis", 1), int("keepdims", 0)]);
    let (label, of, kind) = match labels {
        Labels::Truths => (graph.cast(&class, Type::Bool), Type::Bool, "boolean"),
        Labels::Integers(labels) => {
            let table = graph.integers(&[count], labels.iter().copied());
            (graph.node("Gather", &[&table, &class], Vec::new()), Type::Int64, "long")
        }
        Labels::Texts(labels) => {
            let table = graph.texts(labels);
            (graph.node("Gather", &[&table, &class], Vec::new()), Type::Text, "string")
        }
    };
    graph.output("prediction", &label, of, rows);
    let mut outputs = vec![Output { name: "prediction".into(), kind }];
    if count > MOST_CLASSES {
        return outputs;
    }
    let probabilities = probabilities(graph, &model.link, scores, &decisions);
    let probabilities = graph.cast(&probabilities, Type::Float);
    for at in 0..count {
        let index = graph.integers(&[1], [at as i64]);
        let one = graph.node("Gather", &[&probabilities, &index], vec![int("axis", 1)]);
        let one = graph.reshape(&one, &[-1]);
        let name = format!("probability_{}", labels.name(at));
        graph.output(&name, &one, Type::Float, rows);
        outputs.push(Output { name, kind: "float" });
    }
    outputs
}

/// What a class is chosen by: a column each.
fn decisions(graph: &mut Graph, link: &Link, scores: &str) -> Wire {
    match link {
        Link::Number | Link::Softmax | Link::Share => scores.to_owned(),
        Link::Logistic => {
            let zero = graph.node("Sub", &[scores, scores], Vec::new());
            graph.node("Concat", &[&zero, scores], vec![int("axis", 1)])
        }
        Link::Votes { classes, .. } => pairs::votes(graph, scores, *classes),
    }
}

fn probabilities(graph: &mut Graph, link: &Link, scores: &str, decisions: &str) -> Wire {
    match link {
        Link::Number | Link::Softmax | Link::Logistic => {
            graph.node("Softmax", &[decisions], vec![int("axis", 1)])
        }
        Link::Share => {
            let sum = graph.sum(scores, 1, true);
            graph.node("Div", &[scores, &sum], Vec::new())
        }
        Link::Votes { classes, sigmoids } => pairs::probabilities(graph, scores, *classes, sigmoids),
    }
}
