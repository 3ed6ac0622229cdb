//! Scores of pairs of classes as operators: to votes, and to probabilities. The same sums as in [`crate::learn::pairs`].

use super::graph::{Graph, Type, Wire, graph as subgraph, int, ints};
use crate::learn::pairs::{LEAST, Sigmoid, pairs};

pub fn votes(graph: &mut Graph, scores: &str, classes: usize) -> Wire {
    let table = |graph: &mut Graph, of: &dyn Fn((usize, usize), usize) -> f64| {
        let values = pairs(classes).flat_map(|pair| (0..classes).map(move |class| of(pair, class)));
        graph.doubles(&[pairs(classes).count(), classes], values.collect::<Vec<_>>())
    };
    let is = |truth: bool| f64::from(u8::from(truth));
    let first = table(graph, &|pair, class| is(pair.0 == class));
    let second = table(graph, &|pair, class| is(pair.1 == class));
    let signed = table(graph, &|pair, class| is(pair.0 == class) - is(pair.1 == class));
    let zero = graph.doubles(&[1], [0.0]);
    let one = graph.doubles(&[1], [1.0]);
    let three = graph.doubles(&[1], [3.0]);
    let wins = graph.node("Greater", &[scores, &zero], Vec::new());
    let wins = graph.cast(&wins, Type::Double);
    let losses = graph.node("Sub", &[&one, &wins], Vec::new());
    let for_first = graph.node("MatMul", &[&wins, &first], Vec::new());
    let for_second = graph.node("MatMul", &[&losses, &second], Vec::new());
    let votes = graph.node("Add", &[&for_first, &for_second], Vec::new());
    let sums = graph.node("MatMul", &[scores, &signed], Vec::new());
    let size = graph.node("Abs", &[&sums], Vec::new());
    let size = graph.node("Add", &[&size, &one], Vec::new());
    let size = graph.node("Mul", &[&size, &three], Vec::new());
    let below_one = graph.node("Div", &[&sums, &size], Vec::new());
    graph.node("Add", &[&votes, &below_one], Vec::new())
}

pub fn probabilities(graph: &mut Graph, scores: &str, classes: usize, sigmoids: &[Sigmoid]) -> Wire {
    let slopes = graph.doubles(&[sigmoids.len()], sigmoids.iter().map(|sigmoid| sigmoid.slope));
    let offsets = graph.doubles(&[sigmoids.len()], sigmoids.iter().map(|sigmoid| sigmoid.offset));
    let one = graph.doubles(&[1], [1.0]);
    let power = graph.node("Mul", &[scores, &slopes], Vec::new());
    let power = graph.node("Add", &[&power, &offsets], Vec::new());
    let power = graph.node("Exp", &[&power], Vec::new());
    let below = graph.node("Add", &[&power, &one], Vec::new());
    let first = graph.node("Reciprocal", &[&below], Vec::new());
    let (least, most) = (graph.doubles(&[], [LEAST]), graph.doubles(&[], [1.0 - LEAST]));
    let first = graph.node("Clip", &[&first, &least, &most], Vec::new());
    let second = graph.node("Sub", &[&one, &first], Vec::new());
    let both = graph.node("Concat", &[&first, &second], vec![int("axis", 1)]);
    if classes == 2 { both } else { coupled(graph, &both, classes) }
}

/// `both` has the probability of the first class of each pair, and behind them those of the second.
fn coupled(graph: &mut Graph, both: &str, classes: usize) -> Wire {
    let of = i64::try_from(classes).unwrap_or(i64::MAX);
    let count = pairs(classes).count();
    // Of each two classes, by rows and columns: how probable the row's is. What stands in the diagonal is taken out below.
    let mut places = vec![0; classes * classes];
    for (at, (first, second)) in pairs(classes).enumerate() {
        places[first * classes + second] = at as i64;
        places[second * classes + first] = (count + at) as i64;
    }
    let identity = |at: usize| f64::from(u8::from(at / classes == at % classes));
    let diagonal = graph.doubles(&[classes, classes], (0..classes * classes).map(identity));
    let beside = graph.doubles(&[classes, classes], (0..classes * classes).map(|at| 1.0 - identity(at)));
    let one = graph.doubles(&[1], [1.0]);
    let places = graph.integers(&[places.len()], places);
    let within = graph.node("Gather", &[both, &places], vec![int("axis", 1)]);
    let within = graph.reshape(&within, &[-1, of, of]);
    let within = graph.node("Mul", &[&within, &beside], Vec::new());
    let turned = graph.node("Transpose", &[&within], vec![ints("perm", vec![0, 2, 1])]);
    let products = graph.node("Mul", &[&within, &turned], Vec::new());
    let squares = graph.node("Mul", &[&turned, &turned], Vec::new());
    let squares = graph.sum(&squares, 2, true);
    let squares = graph.node("Mul", &[&squares, &diagonal], Vec::new());
    let system = graph.node("Sub", &[&squares, &products], Vec::new());
    let system = graph.node("Add", &[&system, &one], Vec::new());
    // What each row comes to: 1.
    let right = graph.sum(&system, 2, true);
    let right = graph.node("Sub", &[&right, &right], Vec::new());
    let right = graph.node("Add", &[&right, &one], Vec::new());
    let system = graph.node("Concat", &[&system, &right], vec![int("axis", 2)]);
    let rounds = graph.integers(&[], [of]);
    let settings = vec![subgraph("body", eliminate(&diagonal, classes))];
    let solved = graph.node("Loop", &[&rounds, "", &system], settings);
    let last = graph.integers(&[1], [of]);
    let solved = graph.node("Gather", &[&solved, &last], vec![int("axis", 2)]);
    let solved = graph.reshape(&solved, &[-1, of]);
    let solved = graph.node("Relu", &[&solved], Vec::new());
    let sum = graph.sum(&solved, 1, true);
    graph.node("Div", &[&solved, &sum], Vec::new())
}

/// A round of elimination, for all rows of the data: the pivot's row over the pivot, times what makes the pivot's column
/// one of the identity's, from each row.
fn eliminate(diagonal: &str, classes: usize) -> super::proto::GraphProto {
    let sizes: &[Option<i64>] = &[None, Some(classes as i64), Some(classes as i64 + 1)];
    let mut round = Graph::new("elimination", "round_");
    round.input("round_pivot", Type::Int64, &[]);
    round.input("round_goes_on", Type::Bool, &[]);
    round.input("round_system", Type::Double, sizes);
    let pivot = round.reshape("round_pivot", &[1]);
    let row = round.node("Gather", &["round_system", &pivot], vec![int("axis", 1)]);
    let by = round.node("Gather", &[&row, &pivot], vec![int("axis", 2)]);
    let row = round.node("Div", &[&row, &by], Vec::new());
    let column = round.node("Gather", &["round_system", &pivot], vec![int("axis", 2)]);
    let own = round.node("Gather", &[diagonal, &pivot], vec![int("axis", 1)]);
    let factors = round.node("Sub", &[&column, &own], Vec::new());
    let taken = round.node("Mul", &[&factors, &row], Vec::new());
    let system = round.node("Sub", &["round_system", &taken], Vec::new());
    round.output("round_may_go_on", "round_goes_on", Type::Bool, &[]);
    round.output("round_next", &system, Type::Double, sizes);
    round.finish()
}
