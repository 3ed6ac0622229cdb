//! What families are called elsewhere: by scikit-learn's classes, by other libraries, and for short.

use super::{FAMILIES, Family};
use crate::text::did_you_mean;

/// Other names, in small letters and with nothing between their words.
const ALIASES: [(&str, &str); 39] = [
    ("logisticregression", "logistic"),
    ("logisticregressioncv", "logistic"),
    ("logreg", "logistic"),
    ("logit", "logistic"),
    ("linearregression", "linear"),
    ("ols", "linear"),
    ("linearmodel", "linear"),
    ("ridgeregression", "ridge"),
    ("ridgecv", "ridge"),
    ("lassocv", "lasso"),
    ("elasticnetcv", "elastic_net"),
    ("enet", "elastic_net"),
    ("tree", "decision_tree"),
    ("cart", "decision_tree"),
    ("rf", "random_forest"),
    ("forest", "random_forest"),
    ("et", "extra_trees"),
    ("extratree", "extra_trees"),
    ("knn", "k_neighbors"),
    ("neighbors", "k_neighbors"),
    ("neighbours", "k_neighbors"),
    ("kneighbours", "k_neighbors"),
    ("nearestneighbors", "k_neighbors"),
    ("knearestneighbors", "k_neighbors"),
    ("nb", "naive_bayes"),
    ("bayes", "naive_bayes"),
    ("gaussiannb", "naive_bayes"),
    ("svc", "svm"),
    ("linearsvc", "svm"),
    ("supportvectormachine", "svm"),
    ("linearsvr", "svr"),
    ("adaboost", "ada_boost"),
    ("gbm", "gradient_boosting"),
    ("boosting", "gradient_boosting"),
    ("xgboost", "hist_gradient_boosting"),
    ("xgb", "hist_gradient_boosting"),
    ("lightgbm", "hist_gradient_boosting"),
    ("lgbm", "hist_gradient_boosting"),
    ("catboost", "hist_gradient_boosting"),
];

/// In small letters, with nothing between the words.
fn bare(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The family that is meant by a name that is none of ours.
fn meant(name: &str) -> Option<&'static str> {
    let bare = bare(name);
    // `RandomForestClassifier` and `SVR` are such.
    let without =
        ["classifier", "regressor", "regression"].into_iter().find_map(|end| bare.strip_suffix(end));
    [Some(bare.as_str()), without].into_iter().flatten().find_map(|bare| {
        let own = FAMILIES.into_iter().map(Family::name).find(|name| self::bare(name) == bare);
        own.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == bare).map(|(_, name)| *name))
    })
}

/// Which family may be meant, behind what says that there is none of that name.
pub fn suggestion(name: &str) -> String {
    match meant(name) {
        Some(name) => format!(" (did you mean {name}?)"),
        None => did_you_mean(name, FAMILIES.map(Family::name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::families::find;

    #[test]
    fn what_a_family_is_called_elsewhere_is_told() {
        for (name, family) in [
            ("logistic_regression", "logistic"),
            ("LogisticRegression", "logistic"),
            ("RandomForestClassifier", "random_forest"),
            ("HistGradientBoostingRegressor", "hist_gradient_boosting"),
            ("AdaBoostClassifier", "ada_boost"),
            ("KNeighborsRegressor", "k_neighbors"),
            ("PLSRegression", "pls"),
            ("SVC", "svm"),
            ("knn", "k_neighbors"),
            ("XGBClassifier", "hist_gradient_boosting"),
            ("random_forrest", "random_forest"),
        ] {
            assert_eq!(suggestion(name), format!(" (did you mean {family}?)"));
        }
        assert_eq!((suggestion("oak"), suggestion("")), (String::new(), String::new()));
        for (alias, family) in ALIASES {
            assert!(find(family).is_some() && find(alias).is_none() && bare(alias) == alias, "{alias}");
        }
    }
}
