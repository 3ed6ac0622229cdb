//! The values of the metric that a trial has on its way, by the steps that its script counts. They may be sparse, and differ
//! from trial to trial, so what two trials are compared by is the best of each as far as a step.

use super::rules::{Aim, Mode};

/// A step, and the value there; none where it is no number.
pub type StepValue = (i64, Option<f64>);

/// Every step is kept up to so many; behind those, one that lies by so large a part further on. So a curve of any length has
/// some hundred points.
const DENSE: i64 = 40;
const PART: i64 = 20;

#[derive(Debug, Clone, Copy, PartialEq)]
struct CurvePoint {
    step: i64,
    value: Option<f64>,
    /// The bounds of all values up to here.
    least: f64,
    greatest: f64,
}

/// The values of one attempt: another one counts its steps anew.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    attempt: u32,
    /// By step.
    points: Vec<CurvePoint>,
}

impl Curve {
    /// Takes what an attempt came to.
    pub fn learn(&mut self, attempt: u32, steps: &[StepValue]) {
        if attempt < self.attempt {
            return;
        }
        if attempt > self.attempt {
            *self = Self { attempt, points: Vec::new() };
        }
        let mut changed = usize::MAX;
        for (step, value) in steps {
            let value = value.filter(|value| value.is_finite());
            let at = self.points.partition_point(|point| point.step < *step);
            let point = CurvePoint { step: *step, value, least: f64::INFINITY, greatest: f64::NEG_INFINITY };
            match self.points.get_mut(at).filter(|point| point.step == *step) {
                Some(known) => *known = point,
                None => self.points.insert(at, point),
            }
            changed = changed.min(at);
        }
        for at in changed..self.points.len() {
            let before = at.checked_sub(1).map(|at| (self.points[at].least, self.points[at].greatest));
            let (least, greatest) = before.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
            let point = &mut self.points[at];
            point.least = point.value.map_or(least, |value| value.min(least));
            point.greatest = point.value.map_or(greatest, |value| value.max(greatest));
        }
    }

    /// All steps with their values, the first first.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = StepValue> + '_ {
        self.points.iter().map(|point| (point.step, point.value))
    }

    /// The last step, and the value there.
    pub fn last(&self) -> Option<StepValue> {
        self.points.last().map(|point| (point.step, point.value))
    }

    /// The last step of an attempt.
    pub fn last_step(&self, attempt: u32) -> Option<i64> {
        self.last().filter(|_| self.attempt == attempt).map(|(step, _)| step)
    }

    /// The best as far as a step, so that less is better; none where the trial has not come so far. What has no number by then
    /// is as bad as can be.
    pub fn loss_by(&self, step: i64, aim: Aim) -> Option<f64> {
        self.points.last().filter(|last| last.step >= step)?;
        // Where the first step lies behind it, that is all that can be known.
        let known = self.points.partition_point(|point| point.step <= step).saturating_sub(1);
        let point = self.points.get(known)?;
        Some(match aim.mode {
            Mode::Min => point.least,
            Mode::Max => -point.greatest,
        })
    }

    /// Which of some new steps of an attempt, in their order, are kept; with `is_end` the last in any case.
    pub fn kept_of(&self, attempt: u32, steps: &[StepValue], is_end: bool) -> Vec<StepValue> {
        let is_known = attempt == self.attempt;
        let mut first = self.points.first().filter(|_| is_known).map(|point| point.step);
        let mut last = self.last_step(attempt);
        let mut kept = Vec::new();
        for (at, (step, value)) in steps.iter().enumerate() {
            let is_next = match (first, last) {
                (Some(first), Some(last)) => {
                    let gap = last.saturating_sub(first);
                    let gap = if gap < DENSE { 1 } else { gap / PART };
                    let is_last = is_end && at + 1 == steps.len();
                    step.saturating_sub(last) >= if is_last { 1 } else { gap }
                }
                _ => true,
            };
            if is_next {
                kept.push((*step, *value));
                first = first.or(Some(*step));
                last = Some(*step);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESS: Aim = Aim { at: 0, mode: Mode::Min };
    const MORE: Aim = Aim { at: 0, mode: Mode::Max };

    #[test]
    fn a_curve_is_as_good_as_its_best_as_far_as_a_step() {
        let mut curve = Curve::default();
        curve.learn(1, &[(10, Some(3.0)), (30, Some(2.0)), (20, Some(5.0)), (40, Some(f64::NAN))]);
        let by = |step, aim| curve.loss_by(step, aim);
        assert_eq!(
            (by(10, LESS), by(20, LESS), by(29, LESS), by(40, LESS)),
            (Some(3.0), Some(3.0), Some(3.0), Some(2.0))
        );
        assert_eq!((by(19, MORE), by(25, MORE)), (Some(-3.0), Some(-5.0)));
        assert_eq!((by(5, LESS), by(41, LESS)), (Some(3.0), None), "the first is all that can be known");
        assert_eq!(curve.last(), Some((40, None)));
        curve.learn(1, &[(10, Some(1.0))]);
        assert_eq!(curve.loss_by(40, LESS), Some(1.0), "a step that was logged again");
        curve.learn(2, &[(1, None)]);
        curve.learn(1, &[(50, Some(0.0))]);
        assert_eq!((curve.steps().len(), curve.loss_by(1, LESS)), (1, Some(f64::INFINITY)));
    }

    #[test]
    fn of_a_long_curve_some_hundred_points_are_kept() {
        let mut curve = Curve::default();
        for part in 0..1000 {
            let steps: Vec<StepValue> =
                (part * 1000..(part + 1) * 1000).map(|step| (step, Some(1.0))).collect();
            let kept = curve.kept_of(1, &steps, part == 999);
            curve.learn(1, &kept);
        }
        let steps: Vec<i64> = curve.steps().map(|(step, _)| step).collect();
        assert!(steps.len() < 300, "{}", steps.len());
        assert_eq!((steps[..40].to_vec(), steps.last()), ((0..40).collect(), Some(&999_999)));
        assert!(steps.windows(2).all(|pair| pair[1] - pair[0] <= (pair[0] / PART).max(1)));
        assert_eq!(curve.kept_of(1, &[(5, None), (1_000_000, None)], false), []);
        assert_eq!(curve.kept_of(2, &[(5, None), (5, None), (6, None)], false), [(5, None), (6, None)]);
    }
}
