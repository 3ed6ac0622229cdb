//! What the aliases of a model should point to, by the log of marks alone.
//!
//! A mark lies on what was there before it: another mark, or versions that somebody else chose. Undone, it gives way to
//! what it lies on. So the newest mark tells both aliases, in whatever order the writes of several people came.

use super::record::{MarkEvent, Model, Record, VERSION_OF, is_undone};
use crate::mlflow::ModelVersion;

/// The versions that the two aliases of a mark point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Aliases {
    pub best: Option<u64>,
    pub previous: Option<u64>,
}

/// The marks that moved the aliases of one model, the oldest first.
#[derive(Debug)]
pub struct Chain<'a> {
    log: &'a [MarkEvent],
    name: &'a str,
    marks: Vec<(&'a Record, &'a Model)>,
}

impl<'a> Chain<'a> {
    /// The marks under the name and aliases of `like`, but for those whose version was deleted and whose number is another's
    /// by now.
    pub fn new(log: &'a [MarkEvent], like: &'a Model, versions: &[ModelVersion]) -> Self {
        let is_like = |model: &Model| {
            (&model.name, &model.alias, &model.previous_alias)
                == (&like.name, &like.alias, &like.previous_alias)
        };
        let is_another = |record: &Record, model: &Model| {
            let version = versions.iter().find(|version| Some(version.version) == model.version);
            version.is_some_and(|version| !model.is_version(&record.id, version))
        };
        let marks = marks(log)
            .filter(|(_, model)| model.moved && model.version.is_some() && is_like(model))
            .filter(|(record, model)| !is_another(record, model));
        Self { log, name: &like.name, marks: marks.collect() }
    }

    /// What the newest mark, and the undone ones, come to; nothing where no mark moved the aliases.
    /// A version that is not there any more gives way as if it were undone.
    pub fn expected_aliases(&self, is_there: impl Fn(u64) -> bool) -> Option<Aliases> {
        let mut states: Vec<Aliases> = Vec::with_capacity(self.marks.len());
        for (i, (record, model)) in self.marks.iter().enumerate() {
            let mut under = self.under(i, &states);
            if under.best.is_some_and(|best| !is_there(best)) {
                // What it found is gone since: what was before that is next.
                under = match under.previous.filter(|previous| is_there(*previous)) {
                    Some(previous) => {
                        let marked = states.iter().rev().find(|state| state.best == Some(previous));
                        marked.copied().unwrap_or(Aliases { best: Some(previous), previous: None })
                    }
                    None => states.last().copied().unwrap_or_default(),
                };
            }
            let gives_way = |(record, model): &(&Record, &Model)| {
                !model.version.is_some_and(&is_there) || is_undone(self.log, &record.id)
            };
            if model.alone
                && let Some(j) = self.marks[..i].iter().rposition(|older| !gives_way(older))
            {
                // Its model was deleted under an older mark, which holds again and is registered anew.
                under = states[j];
            }
            states.push(if gives_way(&(*record, *model)) {
                under
            } else {
                let best = model.version;
                Aliases { best, previous: under.best.filter(|it| Some(*it) != best).or(under.previous) }
            });
        }
        states.pop()
    }

    /// What the mark `i` lies on. The states of those before it are known.
    fn under(&self, i: usize, states: &[Aliases]) -> Aliases {
        let (_, model) = self.marks[i];
        // An older one that was not in the log yet when this one looked.
        let is_newer = |older: &(&Record, &Model)| model.follows.as_ref().is_some_and(|id| older.0.id > *id);
        let misses_one = model.older.is_some_and(|older| older < i) || self.marks[..i].iter().any(is_newer);
        if i > 0 && (model.amid || misses_one) {
            return states[i - 1];
        }
        let (best, previous) = (model.alias_before, model.previous_before);
        let of = |marks: &[(&Record, &Model)], version: Option<u64>| {
            marks.iter().rposition(|(_, model)| version.is_some() && model.version == version)
        };
        if model.amid
            && let Some(newer) = of(&self.marks[i + 1..], best)
        {
            // It came late: what the newer one found was there.
            let (_, newer) = self.marks[i + 1 + newer];
            return Aliases { best: newer.alias_before, previous: newer.previous_before };
        }
        let gave_way = |j: &usize| !model.by_hand && is_undone(self.log, &self.marks[*j].0.id);
        if let Some(j) = of(&self.marks[..i], best).filter(gave_way) {
            return states[j];
        }
        let is_gone = previous.is_some_and(|version| self.gave_way(version));
        let previous = match of(&self.marks[..i], previous).filter(|_| is_gone) {
            Some(j) => {
                [states[j].best, states[j].previous].into_iter().flatten().find(|it| Some(*it) != best)
            }
            None => previous,
        };
        Aliases { best, previous }
    }

    /// Whether a version is of a mark that was undone.
    pub fn gave_way(&self, version: u64) -> bool {
        let mut of = self.marks.iter().filter(|(_, model)| model.version == Some(version)).peekable();
        of.peek().is_some() && of.all(|(record, _)| is_undone(self.log, &record.id))
    }

    /// Whether the alias points where only marks led it: to a version of one, or to what one found.
    pub fn led_to(&self, version: Option<u64>) -> bool {
        let is_of =
            |model: &Model| [model.version, model.alias_before, model.previous_before].contains(&version);
        version.is_none() || self.marks.iter().any(|(_, model)| is_of(model))
    }

    /// The newest mark before another that is over.
    pub fn last_done(&self, before: &str) -> Option<&'a str> {
        let mut older = self.marks.iter().rev().filter(|(record, _)| record.id.as_str() < before);
        older.find(|(record, _)| record.done).map(|(record, _)| record.id.as_str())
    }

    /// The number of marks before another.
    pub fn older(&self, than: &str) -> usize {
        self.marks.iter().filter(|(record, _)| record.id.as_str() < than).count()
    }

    /// Whether a version was made for a mark that was undone, and no other mark uses it.
    pub fn is_stale(&self, version: &ModelVersion) -> bool {
        let Some(tag) = version.tags.iter().find(|tag| tag.key == VERSION_OF) else { return false };
        let of_model = || marks(self.log).filter(|(_, model)| model.name == self.name);
        let is_made = of_model().any(|(record, _)| record.id == tag.value);
        let is_used = |(record, model): (&Record, &Model)| {
            let is_it = record.id == tag.value || model.is_version(&record.id, version);
            is_it && !is_undone(self.log, &record.id)
        };
        is_made && !of_model().any(is_used)
    }

    /// Whether the model itself was made for a mark that was undone, and no mark that holds is to be registered there.
    pub fn made_model(&self) -> bool {
        let of_model = || marks(self.log).filter(|(_, model)| model.name == self.name);
        of_model().any(|(_, model)| model.created_model)
            && of_model().all(|(record, _)| is_undone(self.log, &record.id))
    }
}

fn marks(log: &[MarkEvent]) -> impl Iterator<Item = (&Record, &Model)> {
    log.iter().filter_map(|event| match event {
        MarkEvent::Marked(record) => record.model.as_ref().map(|model| (record.as_ref(), model)),
        MarkEvent::Undone(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(id: &str, version: u64, (best, previous): (u64, u64)) -> Record {
        let model = Model {
            version: Some(version),
            alias_before: Some(best),
            previous_before: Some(previous),
            follows: Some(String::new()),
            older: Some(0),
            moved: true,
            ..Model::default()
        };
        Record { id: id.into(), model: Some(model), done: true, ..Record::default() }
    }

    fn expected(records: &[Record]) -> Option<Aliases> {
        let log: Vec<MarkEvent> =
            records.iter().map(|record| MarkEvent::Marked(Box::new(record.clone()))).collect();
        Chain::new(&log, &Model::default(), &[]).expected_aliases(|_| true)
    }

    /// Planned first, written last: the marks that were over by then never saw it, and come after it all the same.
    #[test]
    fn a_mark_that_comes_late_is_in_its_place() {
        let [mut late, third, mut fourth] =
            [marked("2", 4, (3, 1)), marked("3", 3, (1, 2)), marked("4", 3, (3, 1))];
        late.model.as_mut().unwrap().amid = true;
        let newest = fourth.model.as_mut().unwrap();
        (newest.follows, newest.older) = (Some("3".into()), Some(1));
        assert_eq!(expected(&[late, third, fourth]), Some(Aliases { best: Some(3), previous: Some(4) }));
    }
}
