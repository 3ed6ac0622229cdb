//! Each form of model as operators: from features in double precision to scores.

use super::graph::{Graph, Type, Wire, doubles, graph as subgraph, int, ints, text, texts};
use super::{decisions, probabilities};
use crate::learn::model::{FittedModel, Link, ModelForm, NEAREST};
use crate::learn::prepare::Preparation;
use crate::learn::trees::{Node, Tree};

/// Features in double precision, a column each: with what stands for a gap, and with gaps, as far as a model takes them.
#[derive(Debug)]
pub struct FeatureWires {
    pub filled: Wire,
    pub with_gaps: Wire,
}

pub fn scores(
    graph: &mut Graph,
    model: &FittedModel,
    preparation: &Preparation,
    features: &FeatureWires,
) -> Wire {
    let both = features;
    let features = if model.takes_gaps() { &both.with_gaps } else { &both.filled };
    match &model.form {
        ModelForm::Average { members } => average(graph, members, preparation, both),
        ModelForm::Trees { trees, start, with_gaps, .. } => {
            ensemble(graph, (trees, *with_gaps), start, features)
        }
        ModelForm::Linear { weights, squares, intercepts } => {
            let scaled = scaled(graph, preparation, features);
            let sizes = [weights.nrows(), weights.ncols()];
            let table = graph.doubles(&sizes, weights.iter().copied());
            let mut scores = graph.node("MatMul", &[&scaled, &table], Vec::new());
            if let Some(squares) = squares {
                let squared = graph.node("Mul", &[&scaled, &scaled], Vec::new());
                let table = graph.doubles(&sizes, squares.iter().copied());
                let more = graph.node("MatMul", &[&squared, &table], Vec::new());
                scores = graph.node("Add", &[&scores, &more], Vec::new());
            }
            let intercepts = graph.doubles(&[intercepts.len()], intercepts.iter().copied());
            graph.node("Add", &[&scores, &intercepts], Vec::new())
        }
        ModelForm::Neighbours { rows, values, count, by_distance } => {
            let scaled = scaled(graph, preparation, features);
            // The rows are kept in single precision; what is looked up is rounded alike.
            let single = graph.cast(&scaled, Type::Float);
            let here = graph.cast(&single, Type::Double);
            let known = rows.iter().map(|value| f64::from(*value)).collect();
            let distances = distances(graph, &here, rows.nrows(), rows.ncols(), known);
            let distances = graph.cast(&distances, Type::Float);
            let wanted = graph.integers(&[1], [*count as i64]);
            let settings = vec![int("axis", 1), int("largest", 0), int("sorted", 1)];
            let nearest = graph.outputs("TopK", "", &[&distances, &wanted], settings, 2);
            let sizes = [values.nrows(), values.ncols()];
            let table = graph.doubles(&sizes, values.iter().copied());
            let found = graph.node("Gather", &[&table, &nearest[1]], vec![int("axis", 0)]);
            if !by_distance {
                let scores = graph.sum(&found, 1, false);
                let count = graph.doubles(&[1], [*count as f64]);
                return graph.node("Div", &[&scores, &count], Vec::new());
            }
            let near = graph.cast(&nearest[0], Type::Double);
            let near = graph.node("Sqrt", &[&near], Vec::new());
            let least = graph.doubles(&[1], [NEAREST]);
            let near = graph.node("Max", &[&near, &least], Vec::new());
            let weights = graph.node("Reciprocal", &[&near], Vec::new());
            let total = graph.sum(&weights, 1, true);
            let weights = graph.node("Div", &[&weights, &total], Vec::new());
            let weights = graph.reshape(&weights, &[0, 0, 1]);
            let weighted = graph.node("Mul", &[&found, &weights], Vec::new());
            graph.sum(&weighted, 1, false)
        }
        ModelForm::Kernels { rows, weights, gamma, intercepts } => {
            let scaled = scaled(graph, preparation, features);
            let distances =
                distances(graph, &scaled, rows.nrows(), rows.ncols(), rows.iter().copied().collect());
            let gamma = graph.doubles(&[1], [-gamma]);
            let exponents = graph.node("Mul", &[&distances, &gamma], Vec::new());
            let kernels = graph.node("Exp", &[&exponents], Vec::new());
            let table = graph.doubles(&[weights.nrows(), weights.ncols()], weights.iter().copied());
            let scores = graph.node("MatMul", &[&kernels, &table], Vec::new());
            let intercepts = graph.doubles(&[intercepts.len()], intercepts.iter().copied());
            graph.node("Add", &[&scores, &intercepts], Vec::new())
        }
    }
}

/// The weighted sum of numbers, or of the probabilities that each member says by itself.
fn average(
    graph: &mut Graph,
    members: &[(FittedModel, f64)],
    preparation: &Preparation,
    features: &FeatureWires,
) -> Wire {
    let mut sum: Option<Wire> = None;
    for (member, weight) in members {
        let mut said = scores(graph, member, preparation, features);
        if member.link != Link::Number {
            let decisions = decisions(graph, &member.link, &said);
            said = probabilities(graph, &member.link, &said, &decisions);
        }
        let weight = graph.doubles(&[1], [*weight]);
        let weighted = graph.node("Mul", &[&said, &weight], Vec::new());
        sum = Some(match sum {
            Some(sum) => graph.node("Add", &[&sum, &weighted], Vec::new()),
            None => weighted,
        });
    }
    sum.unwrap_or_default()
}

fn scaled(graph: &mut Graph, preparation: &Preparation, features: &str) -> Wire {
    let means = graph.doubles(&[preparation.means.len()], preparation.means.iter().copied());
    let deviations = graph.doubles(&[preparation.deviations.len()], preparation.deviations.iter().copied());
    let centred = graph.node("Sub", &[features, &means], Vec::new());
    graph.node("Div", &[&centred, &deviations], Vec::new())
}

/// The squared distance of each row from each known one, row by row: no table of all differences is ever held.
fn distances(graph: &mut Graph, here: &str, rows: usize, width: usize, known: Vec<f64>) -> Wire {
    let mut inner = Graph::new("distances of a row", "inner_");
    let row = inner.input("inner_row", Type::Double, &[Some(width as i64)]);
    let known = inner.doubles(&[rows, width], known);
    let differences = inner.node("Sub", &[&known, &row], Vec::new());
    let squares = inner.node("Mul", &[&differences, &differences], Vec::new());
    let sums = inner.sum(&squares, 1, false);
    inner.output("inner_distances", &sums, Type::Double, &[Some(rows as i64)]);
    let settings = vec![subgraph("body", inner.finish()), int("num_scan_inputs", 1)];
    graph.node("Scan", &[here], settings)
}

/// Trees with the leaves' values added to one score, or to all of them.
fn ensemble(
    graph: &mut Graph,
    (trees, with_gaps): (&[(Tree, usize)], bool),
    start: &[f64],
    features: &str,
) -> Wire {
    let nodes: usize = trees.iter().map(|(tree, _)| tree.len()).sum();
    let mut of_node: [Vec<i64>; 6] = std::array::from_fn(|_| Vec::with_capacity(nodes));
    let (mut modes, mut thresholds) = (Vec::with_capacity(nodes), Vec::with_capacity(nodes));
    let mut of_leaf: [Vec<i64>; 3] = Default::default();
    let mut weights = Vec::new();
    for (number, (tree, score)) in trees.iter().enumerate() {
        for at in 0..tree.len() {
            let (mode, feature, threshold, gap_left, left, right) = match tree.node(at) {
                Node::Split { feature, threshold, gap_left, left, right } => {
                    ("BRANCH_LEQ", feature, f64::from(threshold), gap_left, left, right)
                }
                Node::Leaf(values) => {
                    for (output, value) in values.iter().enumerate() {
                        of_leaf[0].push(number as i64);
                        of_leaf[1].push(at as i64);
                        of_leaf[2].push((score + output) as i64);
                        weights.push(*value);
                    }
                    ("LEAF", 0, 0.0, false, 0, 0)
                }
            };
            modes.push(mode.to_owned());
            thresholds.push(threshold);
            for (list, value) in
                of_node.iter_mut().zip([number, at, feature, left, right, usize::from(gap_left)])
            {
                list.push(value as i64);
            }
        }
    }
    let [tree_ids, node_ids, feature_ids, left, right, gaps_left] = of_node;
    let [leaf_trees, leaf_nodes, leaf_scores] = of_leaf;
    let mut settings = vec![
        int("n_targets", start.len() as i64),
        text("aggregate_function", "SUM"),
        text("post_transform", "NONE"),
        doubles("base_values_as_tensor", start.iter().copied()),
        ints("nodes_treeids", tree_ids),
        ints("nodes_nodeids", node_ids),
        ints("nodes_featureids", feature_ids),
        texts("nodes_modes", modes),
        doubles("nodes_values_as_tensor", thresholds),
        ints("nodes_truenodeids", left),
        ints("nodes_falsenodeids", right),
        ints("target_treeids", leaf_trees),
        ints("target_nodeids", leaf_nodes),
        ints("target_ids", leaf_scores),
        doubles("target_weights_as_tensor", weights),
    ];
    if with_gaps {
        settings.push(ints("nodes_missing_value_tracks_true", gaps_left));
    }
    let scores = graph.ml("TreeEnsembleRegressor", &[features], settings);
    graph.cast(&scores, Type::Double)
}
