//! The runs that no other run beats in every objective: the Pareto front.

/// The places of the points that no other point dominates, which is to be no worse in all coordinates and better in
/// one. Less is better. Equal points stand or fall together. In the order of the coordinates.
pub fn front(points: &[Vec<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    let compare = |a: &usize, b: &usize| {
        let pairs = points[*a].iter().zip(&points[*b]);
        pairs.map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or_else(|| a.cmp(b))
    };
    order.sort_unstable_by(compare);
    if points.first().is_some_and(|point| point.len() == 2) {
        return sweep(points, &order);
    }
    // In this order a point can only be dominated by one before it.
    let mut front: Vec<usize> = Vec::new();
    for at in order {
        let dominates = |other: &usize| {
            let pairs = || points[*other].iter().zip(&points[at]);
            pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
        };
        // The one that came last is the nearest, and the likeliest to dominate.
        if !front.iter().rev().any(dominates) {
            front.push(at);
        }
    }
    front
}

/// The same in two dimensions, where one look at each point is enough.
fn sweep(points: &[Vec<f64>], order: &[usize]) -> Vec<usize> {
    let mut front: Vec<usize> = Vec::new();
    for at in order {
        let point = &points[*at];
        if front.last().is_none_or(|last| point[1] < points[*last][1] || *point == points[*last]) {
            front.push(*at);
        }
    }
    front
}
