//! The least of a smooth convex function, by L-BFGS with a weak Wolfe line search.

use std::collections::VecDeque;

/// Steps that the curvature is known of.
const MEMORY: usize = 10;
/// Of the fall that the slope promises, the share that a step must bring.
const DECREASE: f64 = 1e-4;
/// Of the slope, the share that a step must leave at most.
const CURVATURE: f64 = 0.9;
/// Function values that a line search takes at most.
const TRIES: usize = 40;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// Where no part of the gradient is greater.
    pub gradient: f64,
    /// After so many steps.
    pub steps: usize,
}

/// Where the function has its least value, from `start` on. `function` fills the gradient and returns the value; `curvature` is
/// what its second derivatives are like, for the first step.
pub fn minimise(
    start: Vec<f64>,
    curvature: f64,
    stop: Stop,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut here = start;
    let mut gradient = vec![0.0; here.len()];
    let mut value = function(&here, &mut gradient);
    let mut known: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    for _ in 0..stop.steps {
        if gradient.iter().all(|slope| slope.abs() <= stop.gradient) {
            break;
        }
        let direction = direction(&gradient, &known, curvature);
        let slope = dot(&direction, &gradient);
        let Some(next) = search(&here, value, slope, &direction, &mut function) else { break };
        let step: Vec<f64> = next.at.iter().zip(&here).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = next.gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let product = dot(&step, &change);
        if product > f64::EPSILON * dot(&change, &change) {
            if known.len() == MEMORY {
                known.pop_front();
            }
            known.push_back(Pair { step, change, product });
        }
        (here, gradient, value) = (next.at, next.gradient, next.value);
    }
    here
}

/// A step that was taken, how the gradient changed by it, and the product of both.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

struct Point {
    at: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    to.iter_mut().zip(of).for_each(|(to, of)| *to += factor * of);
}

/// Down the gradient, by the curvature along the last steps.
fn direction(gradient: &[f64], known: &VecDeque<Pair>, curvature: f64) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(known.len());
    for pair in known.iter().rev() {
        let share = dot(&pair.step, &direction) / pair.product;
        add(&mut direction, -share, &pair.change);
        shares.push(share);
    }
    let scale = known.back().map_or(1.0 / curvature, |pair| pair.product / dot(&pair.change, &pair.change));
    for part in &mut direction {
        *part *= scale;
    }
    for (pair, share) in known.iter().zip(shares.into_iter().rev()) {
        let back = dot(&pair.change, &direction) / pair.product;
        add(&mut direction, share - back, &pair.step);
    }
    direction
}

/// A point along the direction where the function is lower and less steep; none where rounding hides it.
fn search(
    here: &[f64],
    value: f64,
    slope: f64,
    direction: &[f64],
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<Point> {
    let (mut low, mut high, mut step) = (0.0, f64::INFINITY, 1.0);
    let mut lower = None;
    for _ in 0..TRIES {
        let mut at = here.to_vec();
        add(&mut at, step, direction);
        let mut gradient = vec![0.0; here.len()];
        let found = function(&at, &mut gradient);
        let is_steep = dot(&gradient, direction) < CURVATURE * slope;
        // A value that is not finite is not lower either.
        let is_lower = found <= value + DECREASE * step * slope;
        if is_lower {
            lower = Some(Point { at, gradient, value: found });
            if !is_steep {
                break;
            }
            low = step;
        } else {
            high = step;
        }
        step = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * step };
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_valley_is_walked_to_its_end() {
        let function = |at: &[f64], gradient: &mut [f64]| {
            let mut value = 0.0;
            for (part, (at, gradient)) in at.iter().zip(gradient.iter_mut()).enumerate() {
                let (weight, to) = (10f64.powi(part as i32), part as f64);
                value += weight * (at - to).powi(2) + (at - to).powi(4);
                *gradient = 2.0 * weight * (at - to) + 4.0 * (at - to).powi(3);
            }
            value
        };
        let found = minimise(vec![9.0; 5], 2.0, Stop { gradient: 1e-9, steps: 500 }, function);
        for (part, at) in found.iter().enumerate() {
            assert!((at - part as f64).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn a_function_that_is_nowhere_lower_ends_where_it_began() {
        let nowhere = |_: &[f64], gradient: &mut [f64]| {
            gradient.fill(1.0);
            f64::NAN
        };
        assert_eq!(minimise(vec![3.0], 1.0, Stop { gradient: 0.0, steps: 9 }, nowhere), [3.0]);
    }
}
