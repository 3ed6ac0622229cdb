//! Promotions from the screen: the role is picked, what is to be written is shown with what the gate says, and one more key
//! writes it. And the comparison of a run or version with the champion.

use super::effects::{Challenged, ChosenModel, Effect, FoundChampion};
use super::screen::ModelsScreen;
use super::update::{screen, screen_mut};
use super::{Done, editing};
use crate::marking::ModelBy;
use crate::mlflow::ModelStage;
use crate::promotion::{ModelPolicy, Promoted, PromotionPlan, PromotionRequest, Role};
use crate::store::StoreError;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::{compare_pair, reread};
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::Prompt;

/// The roles that a version can be promoted to: those of the policy, or the usual ones.
fn roles(app: &App, policy: &ModelPolicy) -> Vec<Role> {
    if !policy.roles.is_empty() {
        return policy.roles.clone();
    }
    let aliases = [app.selecting.alias.clone(), "challenger".to_owned()];
    let mut roles: Vec<Role> = aliases.map(Role::Alias).to_vec();
    roles.dedup();
    roles.extend([ModelStage::Staging, ModelStage::Production].map(Role::Stage));
    roles
}

/// Lets the role be picked that the version is promoted to.
pub fn pick_role(app: &mut App, effects: &mut Effects) {
    let Some(version) = screen(app).and_then(ModelsScreen::version) else { return };
    let (model, number) = (version.name.clone(), version.version);
    let holds = |role: &Role| match role {
        Role::Alias(alias) => version.aliases.contains(alias),
        Role::Stage(stage) => version.current_stage == stage.as_str(),
    };
    let policy = app.selecting.policy(&model);
    let mut open: Vec<Role> = roles(app, &policy).into_iter().filter(|role| !holds(role)).collect();
    if open.is_empty() {
        return app.say(format!("v{number} holds every role already"));
    }
    if open.len() == 1 {
        return ask(app, &model, number, open.remove(0), effects);
    }
    let from = |role: &Role| match (policy.comes_from(role), role) {
        (Some(from), _) => format!("from {from}"),
        (None, Role::Alias(alias)) => {
            let at = screen(app).and_then(ModelsScreen::model).and_then(|model| model.alias(alias));
            at.map_or(String::new(), |version| format!("now v{version}"))
        }
        (None, Role::Stage(stage)) => {
            let versions = screen(app).map_or(&[][..], ModelsScreen::all_versions);
            let in_stage =
                versions.iter().filter(|it| it.version != number && it.current_stage == stage.as_str());
            let named: Vec<String> = in_stage.map(|it| format!("v{}", it.version)).collect();
            if named.is_empty() { "a stage".into() } else { format!("archives {}", editing::listed(&named)) }
        }
    };
    let mut items: Vec<_> = open
        .into_iter()
        .map(|role| Item { label: role.to_string(), note: from(&role), on: None, value: Some(role) })
        .collect();
    items.push(Item { label: "another alias".into(), note: String::new(), on: None, value: None });
    let title = format!("Promote {} v{number} to", text::clean(&model));
    Picker::new(title, items, move |app, picked, effects| match picked {
        Picked::Chosen(Some(role)) => ask(app, &model, number, role, effects),
        Picked::Chosen(None) => ask_alias(app, &model, number),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .or_typed("a new alias", |text| {
        let alias = editing::alias_of(text).map_err(|error| error.message)?;
        Ok(Some(Role::Alias(alias)))
    })
    .open(app);
}

/// Asks for the alias to promote to.
fn ask_alias(app: &mut App, model: &str, version: u64) {
    let title = format!("Promote {} v{version} to alias", text::clean(model));
    let model = model.to_owned();
    let read = |text: &str| editing::alias_of(text);
    Prompt::new(title, "such as challenger, shadow", "", read, move |app, alias, effects| {
        ask(app, &model, version, Role::Alias(alias), effects);
        Ok(())
    })
    .open(app);
}

/// Finds out what a promotion would write, which is shown before.
fn ask(app: &mut App, model: &str, version: u64, role: Role, effects: &mut Effects) {
    let compare_by = screen(app).and_then(|screen| screen.goal.clone());
    let request = PromotionRequest {
        model: model.to_owned(),
        version: Ok(version),
        policy: app.selecting.policy(model),
        must_beat: false,
        compare_by,
        first_earlier: app.selecting.first_earlier(&role),
        role,
        by: app.user.clone(),
        now: app.now,
        random: 0,
        why: "chosen by hand".into(),
    };
    app.status = Some("looking at what is to be written".into());
    effects.push(Effect::PlanPromotion(Box::new(request)));
}

/// Shows what a promotion would write and what the gate says, and writes it after one more key.
pub fn planned(app: &mut App, request: &PromotionRequest, result: Result<Box<PromotionPlan>, StoreError>) {
    app.status = None;
    let plan = match result {
        Ok(plan) => *plan,
        Err(error) => return app.say(format!("nothing was promoted: {error}; {}", error.hint())),
    };
    let (model, role) = (text::clean(&request.model).into_owned(), request.role.to_string());
    let version = plan.promotion.version.unwrap_or_default();
    if plan.is_held {
        return app.say(format!("{model} v{version} is {role} already"));
    }
    if app.overlay.is_some() || app.help.is_some() {
        return app.say("nothing was promoted: something else was opened meanwhile");
    }
    let mut lines = Vec::new();
    if !plan.verdict.is_passed() {
        // On a low screen the last lines are not seen.
        lines.push("The gate does not pass; y promotes it all the same.".into());
        lines.extend(plan.verdict.lines());
    }
    lines.extend(plan.writes.clone());
    lines.extend(plan.difference());
    if plan.verdict.is_passed() {
        lines.extend(plan.verdict.lines());
    }
    let question = format!("Promote {model} v{version} to {role}?");
    let promotion = plan.promotion;
    let promote = move |app: &mut App, effects: &mut Effects| {
        app.status = Some("promoting".into());
        app.models.is_writing = true;
        // That which was shown, and no other.
        effects.push(Effect::Promote(Box::new(promotion)));
    };
    Confirm::new(question, lines, promote).long().open(app);
}

/// A version was promoted, or not.
pub fn promoted(app: &mut App, result: Result<Box<Promoted>, StoreError>, effects: &mut Effects) {
    app.models.is_writing = false;
    match result {
        Ok(done) => {
            let hint = if done.holds { "; U undoes it" } else { "" };
            app.say(format!("{}{hint}", done.messages.join("; ")));
            if done.holds {
                editing::note(app, Done::Promotion(Box::new(done.promotion)));
            }
        }
        Err(error) if error.is_transient() => {
            app.say(format!("the promotion may be incomplete: {error}; the next start finishes it"));
        }
        Err(error) => app.say(format!("nothing was promoted: {error}; {}", error.hint())),
    }
    reread(app, effects);
}

/// Whom to compare with the champion of which model: the version under the cursor, or the run.
fn challenged(app: &App) -> Option<Challenged> {
    if let Some(screen) = screen(app) {
        let version = screen.version()?;
        let run = screen.origins.get(&version.version)?.run.as_ref()?;
        return Some(Challenged {
            run: run.run_id.clone(),
            experiment: run.experiment_id.clone(),
            model: version.name.clone(),
            alias: app.selecting.alias.clone(),
            chosen: ChosenModel::OfVersion(version.logged_model()),
            deciding: screen.goal.as_ref().map(|goal| goal.metric.clone()),
        });
    }
    let run = app.runs.run_under_cursor()?;
    let experiment = app.runs.experiment.clone()?;
    let versions = app.models.of_runs.of(&run);
    let usual = || {
        app.selecting.name(|part| match part {
            "experiment" => app.runs.name.clone(),
            "experiment_id" => experiment.0.clone(),
            "metric" => app.best.policy().map_or(String::new(), |policy| policy.primary().metric.clone()),
            _ => app.user.clone(),
        })
    };
    let alias = app.selecting.alias.clone();
    // What the run is registered as; or what the champion beside it is; or as a mark would name it.
    let model = versions.first().map(|version| version.name.as_str());
    let model = model.or_else(|| app.models.of_runs.of_alias(&alias)).map_or_else(usual, str::to_owned);
    let by = app.best.policy().map(ModelBy::of);
    let deciding = by.as_ref().map(|by| by.metric.clone());
    Some(Challenged { run, experiment, model, alias, chosen: ChosenModel::OfRun(by), deciding })
}

/// Asks for the champion, to compare it with the run or version under the cursor.
pub fn compare(app: &mut App, effects: &mut Effects) {
    let Some(challenged) = challenged(app) else {
        return app.say("no run to compare: it is gone, or still being read");
    };
    app.status = Some("looking for the champion".into());
    effects.push(Effect::ReadChampion(Box::new(challenged)));
}

/// The champion is there, or not.
pub fn compared(app: &mut App, challenged: Challenged, result: Result<Option<FoundChampion>, StoreError>) {
    app.status = None;
    let named = format!("{}@{}", text::clean(&challenged.model), challenged.alias);
    match result {
        Ok(Some(it)) if it.run == challenged.run && it.model == it.own => {
            app.say(format!("this is the {} of {named}", if it.model.is_some() { "model" } else { "run" }));
        }
        Ok(Some(FoundChampion { experiment, run, model, own })) => {
            if let Some(screen) = screen_mut(app) {
                // Nobody takes the answers meanwhile: all is asked for anew.
                screen.stop_reading();
            }
            let own = (challenged.experiment, challenged.run, own);
            compare_pair(app, [own, (experiment, run, model)]);
        }
        Ok(None) => app.say(format!("there is no {named}, or its run is gone")),
        Err(error) => app.say(format!("cannot read {named}: {error}; {}", error.hint())),
    }
}
