//! How a line of the form may go on.

use super::FormField;
use crate::learn::data::bundled;
use crate::learn::families::FAMILIES;
use crate::learn::scores;
use crate::text::names;

/// What the machine and the data have to offer.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    /// The columns of the data.
    pub columns: Vec<String>,
    /// The folder that was requested last, as it was typed.
    pub folder: Option<String>,
    /// What lies there and can be data, folders with a slash.
    pub entries: Vec<String>,
}

/// The folder of a path as it is typed: all up to the last slash.
pub fn folder_of(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// What would go on from the end of a text; none where nothing is typed, or nothing begins like that.
pub fn rest(field: FormField, text: &str, offers: &Offers) -> Option<String> {
    let words = |words: &[&str]| words.iter().map(|name| (*name).to_owned()).collect();
    let (typed, known): (&str, Vec<String>) = match field {
        FormField::Data => {
            let folder = folder_of(text);
            let sets = bundled::SETS.iter().filter(|_| folder.is_empty()).map(|set| set.name.to_owned());
            let is_listed = offers.folder.as_deref() == Some(folder);
            let entries = offers.entries.iter().filter(|_| is_listed).cloned();
            (&text[folder.len()..], entries.chain(sets).collect())
        }
        FormField::Target | FormField::TimeColumn | FormField::GroupColumn | FormField::WeightColumn => {
            (text, offers.columns.clone())
        }
        FormField::Ignore => {
            let start = names::last(text)?;
            let columns = offers.columns.iter().filter(|name| names::quoted(name) == **name);
            (&text[start..], columns.cloned().collect())
        }
        FormField::Families => {
            let start = text.rfind([',', ' ']).map_or(0, |at| at + 1);
            (&text[start..], FAMILIES.iter().map(|family| family.name().to_owned()).collect())
        }
        FormField::Metric => {
            use crate::learn::data::Task::{Classification, Regression};
            let all = [Regression, Classification].into_iter().flat_map(scores::names);
            (text, all.map(str::to_owned).collect())
        }
        FormField::Task => (text, words(&["regression", "classification"])),
        FormField::ClassWeight => (text, words(&["balanced", "none"])),
        FormField::Pruner => (text, words(&["median", "asha", "none"])),
        FormField::Method => (text, words(&["tpe", "random", "sobol", "grid"])),
        FormField::Ensemble => (text, words(&["yes", "no"])),
        FormField::Models => (text, words(&["all", "best"])),
        FormField::Executor => (text, words(&["local", "slurm"])),
        FormField::Decimal
        | FormField::Trials
        | FormField::Time
        | FormField::Folds
        | FormField::Repeats
        | FormField::TestSize
        | FormField::Seed
        | FormField::Jobs => {
            return None;
        }
    };
    // What is whole already may begin something longer, but need not.
    if typed.is_empty() || known.iter().any(|name| name == typed) {
        return None;
    }
    known.into_iter().find_map(|name| Some(name.strip_prefix(typed)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_by_what_there_is() {
        let offers = Offers {
            columns: vec!["price".into(), "sold".into()],
            folder: Some("data/".into()),
            entries: vec!["houses.csv".into(), "old/".into()],
        };
        let rest = |field, text: &str| rest(field, text, &offers);
        assert_eq!(rest(FormField::Data, "data/ho"), Some("uses.csv".into()));
        assert_eq!(rest(FormField::Data, "data/o"), Some("ld/".into()));
        assert_eq!(rest(FormField::Data, "other/ho"), None);
        assert_eq!(rest(FormField::Data, "ir"), Some("is".into()));
        assert_eq!(rest(FormField::Data, "iris"), None);
        assert_eq!(rest(FormField::Data, ""), None);
        assert_eq!(rest(FormField::Target, "s"), Some("old".into()));
        assert_eq!(rest(FormField::Ignore, "price, s"), Some("old".into()));
        assert_eq!(rest(FormField::Families, "ridge, rand"), Some("om_forest".into()));
        assert_eq!(rest(FormField::Metric, "f1_ma"), Some("cro".into()));
        assert_eq!(rest(FormField::Seed, "1"), None);
    }
}
