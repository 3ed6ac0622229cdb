//! Promotions with their place in the journal, beside marks.

use super::journal::{Journal, Step};
use super::plan::{MarkPlan, MarkRequest};
use super::work::journalled;
use crate::mlflow::ExperimentId;
use crate::promotion::{self, ModelPolicy, NewVersion, Promoted, Promotion, PromotionRequest, Role};
use crate::select::{Goal, MetricGoal};
use crate::store::{ErrorKind, Result, Store, StoreError};

/// Promotions belong to no experiment.
fn nowhere() -> ExperimentId {
    ExperimentId::from("")
}

/// The promotion that a mark amounts to, so that the policy of its model can be asked. None where it moves no alias.
pub fn promotion_of(
    plan: &MarkPlan,
    request: &MarkRequest,
    policy: impl FnOnce(&str) -> ModelPolicy,
) -> Option<PromotionRequest> {
    let model = plan.record.model.as_ref().filter(|model| !model.unaliased)?;
    let new = NewVersion { run: request.run.clone(), source: model.source.clone() };
    let goal = Goal::parse(&request.direction).filter(|_| !request.metric.is_empty());
    Some(PromotionRequest {
        model: model.name.clone(),
        version: model.version.ok_or(new),
        role: Role::Alias(model.alias.clone()),
        policy: policy(&model.name),
        must_beat: false,
        compare_by: goal.map(|goal| MetricGoal::new(&request.metric, goal)),
        first_earlier: model.previous_alias.clone(),
        by: request.by.clone(),
        now: request.now,
        random: 0,
        why: request.why.clone(),
    })
}

/// Promotes a version as planned.
///
/// # Errors
/// If somebody promoted another version since, the journal cannot be written, or the store fails or refuses. What was begun
/// then and may still be finished is in the journal, and [`super::resume`] finishes it.
pub async fn promote(store: &Store, journal: &Journal, promotion: &Promotion) -> Result<Promoted> {
    let _held = journalled(journal.hold(&promotion.id))?;
    journalled(journal.note(&nowhere(), &Step::Promote(Box::new(promotion.clone()))))?;
    finish(store, journal, promotion).await
}

/// Writes what is missing of a promotion.
pub(super) async fn finish(store: &Store, journal: &Journal, promotion: &Promotion) -> Result<Promoted> {
    let note = |promotion: &Promotion| {
        journalled(journal.note(&nowhere(), &Step::Promote(Box::new(promotion.clone()))))
    };
    let result = promotion::carry_out(store, promotion, note).await;
    match &result {
        // Another try would end the same: what is written of it is taken back.
        Err(error) if !error.is_transient() => {
            let is_over = match promotion::is_in_log(store, promotion).await {
                Ok(true) => promotion::withdraw(store, promotion, &promotion.by).await.is_ok(),
                Ok(false) => true,
                Err(_) => false,
            };
            if is_over {
                journalled(journal.end(&promotion.id))?;
            }
        }
        Err(_) => {}
        Ok(_) => journalled(journal.end(&promotion.id))?,
    }
    result
}

/// Takes a promotion back.
///
/// # Errors
/// If somebody has promoted another version since, or moved this one; and as [`promote`].
pub async fn demote(
    store: &Store,
    journal: &Journal,
    promotion: &Promotion,
    by: &str,
    now: i64,
) -> Result<Promoted> {
    let id = format!("{}-undone", promotion.id);
    let _held = journalled(journal.hold(&id))?;
    let step =
        Step::Demote { id: id.clone(), promotion: Box::new(promotion.clone()), by: by.to_owned(), at: now };
    journalled(journal.note(&nowhere(), &step))?;
    take_back_again(store, journal, &id, promotion, by).await
}

pub(super) async fn take_back_again(
    store: &Store,
    journal: &Journal,
    id: &str,
    promotion: &Promotion,
    by: &str,
) -> Result<Promoted> {
    let result = promotion::take_back(store, promotion, by).await;
    let is_over = match &result {
        Ok(_)
        | Err(StoreError {
            kind: ErrorKind::Invalid(_) | ErrorKind::NotFound(_) | ErrorKind::ReadOnly(_),
            ..
        }) => true,
        Err(_) => false,
    };
    if is_over {
        journalled(journal.end(id))?;
    }
    result
}
