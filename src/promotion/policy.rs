//! What a version of a registered model must show before it is promoted, and to what.

use std::fmt;

use crate::mlflow::ModelStage;
use crate::mlflow::filter::Expression;
use crate::mlflow::limits::{LimitError, check_alias};
use crate::select::MetricGoal;
use crate::select::policy::understand;

/// Earlier holders that can keep an alias.
const MOST_KEPT: usize = 9;

/// What a version is promoted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// `@champion`: one version holds it.
    Alias(String),
    /// Staging or Production: the versions that were there are archived.
    Stage(ModelStage),
}

impl Role {
    /// Reads `champion`, `@champion`, `Production`.
    ///
    /// # Errors
    /// If MLflow takes no such alias.
    pub fn parse(text: &str) -> Result<Self, LimitError> {
        let text = text.trim();
        if let Ok(stage) = text.parse::<ModelStage>()
            && stage.is_active()
        {
            return Ok(Self::Stage(stage));
        }
        let alias = text.trim_start_matches('@');
        check_alias(alias)?;
        Ok(Self::Alias(alias.to_owned()))
    }

    /// The alias or stage.
    pub fn name(&self) -> &str {
        match self {
            Self::Alias(alias) => alias,
            Self::Stage(stage) => stage.as_str(),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(alias) => write!(f, "@{alias}"),
            Self::Stage(stage) => f.write_str(stage.as_str()),
        }
    }
}

/// A tag or param that must be there, perhaps with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// Of the tag or param.
    pub key: String,
    /// Any, without it.
    pub value: Option<String>,
}

impl Required {
    /// Reads `key` and `key=value`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self { key: key.trim().into(), value: Some(value.trim().into()) },
            None => Self { key: text.trim().into(), value: None },
        }
    }
}

/// What is asked of the versions of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPolicy {
    /// The metric in which a version must beat the holder of its role.
    pub metric: Option<MetricGoal>,
    /// By so much, at least.
    pub min_delta: f64,
    /// Both were measured on a data set with the same digest.
    pub same_data: bool,
    /// Of the version, or its run.
    pub tags: Vec<Required>,
    /// Of the logged model, or the run.
    pub params: Vec<Required>,
    /// The run must match it.
    pub constraint: Expression,
    /// The lowest first; a version goes from one to the next.
    pub roles: Vec<Role>,
    /// Earlier holders of the last role that keep an alias.
    pub keep: usize,
}

impl Default for ModelPolicy {
    fn default() -> Self {
        Self {
            metric: None,
            min_delta: 0.0,
            same_data: false,
            tags: Vec::new(),
            params: Vec::new(),
            constraint: Expression::default(),
            roles: Vec::new(),
            keep: 1,
        }
    }
}

impl ModelPolicy {
    /// Sets the constraint, as [`Expression`] reads it.
    ///
    /// # Errors
    /// Where the text is not in that language, or asks for data sets.
    pub fn constrain(&mut self, text: &str) -> Result<(), String> {
        self.constraint = if text.trim().is_empty() {
            Expression::default()
        } else {
            understand(text).map_err(|error| error.to_string())?
        };
        Ok(())
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            return Err("min_delta must be a number of at least 0".into());
        }
        if self.keep > MOST_KEPT {
            return Err(format!("keep is {}, and can be {MOST_KEPT} at most", self.keep));
        }
        if self.metric.is_none() && (self.same_data || self.min_delta > 0.0) {
            return Err("same_data and min_delta need a metric".into());
        }
        if let Some(empty) = self.tags.iter().chain(&self.params).find(|required| required.key.is_empty()) {
            return Err(format!("a tag or param has no name: {:?}", empty.value.as_deref().unwrap_or("")));
        }
        let twice = |at: usize| self.roles[..at].contains(&self.roles[at]);
        match (0..self.roles.len()).find(|at| twice(*at)) {
            Some(at) => Err(format!("the role {} is named twice", self.roles[at].name())),
            None => Ok(()),
        }
    }

    /// The role that a version comes from.
    pub fn comes_from(&self, role: &Role) -> Option<&Role> {
        let at = self.roles.iter().position(|known| known == role)?;
        self.roles.get(at.checked_sub(1)?)
    }

    /// The aliases of earlier holders of a role, the newest first; `first` is that of the newest.
    pub fn earlier(&self, role: &Role, first: &str) -> Vec<String> {
        let is_last = self.roles.last().is_none_or(|last| last == role);
        if !is_last || matches!(role, Role::Stage(_)) {
            return Vec::new();
        }
        (1..=self.keep).map(|n| if n == 1 { first.to_owned() } else { format!("{first}-{n}") }).collect()
    }
}
