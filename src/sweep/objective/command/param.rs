//! What is searched, as it is written: `lr=1e-5..1e-1:log`, `depth=2..12`, `dropout=0..0.5:0.1`, `opt=adam,sgd`, `seed=7`, and
//! with a condition `momentum=0.0..0.99?opt=sgd`.

use crate::params::{Dimension, ParamValue, Params, Range};

/// How a param is written, for whoever wrote it otherwise.
const FORMS: &str = "write NAME=1e-5..1e-1:log, NAME=2..12, NAME=0..1:0.1, NAME=adam,sgd or NAME=7, and ?OTHER=VALUE behind it for a condition";
/// Characters of a name, at most: of more MLflow makes no param.
const LONGEST_NAME: usize = 250;
/// Names that have a meaning of their own in a command.
const RESERVED: [&str; 2] = ["args", "hydra"];

/// All that is searched, in the order in which it is written, with what the first trial takes.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn dimensions(params: &[String], start: Option<&str>) -> Result<Vec<Dimension>, String> {
    let mut dimensions: Vec<Dimension> = Vec::with_capacity(params.len());
    for text in params {
        let wrong = |why: String| format!("--param {text}: {why}");
        let dimension = dimension(text, &dimensions).map_err(wrong)?;
        let same = |known: &&Dimension| variable(&known.name) == variable(&dimension.name);
        if let Some(known) = dimensions.iter().find(same) {
            return Err(wrong(if known.name == dimension.name {
                format!("{} is there twice; write all its values in one --param", known.name)
            } else {
                format!(
                    "{} and {} are both {}; rename one",
                    known.name,
                    dimension.name,
                    variable(&known.name)
                )
            }));
        }
        dimensions.push(dimension);
    }
    if let Some(start) = start {
        begin_with(&mut dimensions, start).map_err(|why| format!("--start {start}: {why}"))?;
    }
    Ok(dimensions)
}

/// The variable that a script finds the value in.
pub fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("MLTUI_PARAM_{}", name.chars().map(letter).collect::<String>())
}

/// A param as it is written.
pub fn written(dimension: &Dimension) -> String {
    let condition =
        dimension.only_if.as_ref().map_or(String::new(), |(name, value)| format!("?{name}={value}"));
    format!("{}={}{condition}", dimension.name, dimension.range)
}

fn dimension(text: &str, before: &[Dimension]) -> Result<Dimension, String> {
    let (name, rest) = text.split_once('=').ok_or(FORMS)?;
    check_name(name)?;
    let (values, condition) = match rest.rsplit_once('?') {
        Some((values, condition)) if condition.contains('=') => (values, Some(condition)),
        _ => (rest, None),
    };
    let range = range(values)?;
    range.check()?;
    let default = range.middle().ok_or(FORMS)?;
    let only_if = condition.map(|text| condition_on(text, before)).transpose()?;
    Ok(Dimension { name: name.to_owned(), range, default, only_if })
}

fn check_name(name: &str) -> Result<(), String> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() {
        return Err(FORMS.into());
    }
    if !name.chars().all(is_letter) || name.starts_with(['-', '.', '/']) || name.len() > LONGEST_NAME {
        return Err(format!("{name:?} is no name; use letters, digits, _, -, . and /"));
    }
    if RESERVED.contains(&name) {
        return Err(format!("{name} has a meaning of its own in a command; use another name"));
    }
    Ok(())
}

fn range(text: &str) -> Result<Range, String> {
    // A path that begins with dots is a choice.
    let begins = |part: &str| part.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit());
    let is_range =
        !text.contains('/') && text.split_once("..").is_some_and(|(low, high)| begins(low) || begins(high));
    if is_range || text.ends_with(":log") {
        return text.parse();
    }
    if text.is_empty() {
        return Err(FORMS.into());
    }
    let choices: Vec<ParamValue> = text.split(',').map(choice).collect();
    if text.split(',').any(str::is_empty) {
        return Err("a choice is empty; write the choices as a,b,c".into());
    }
    let is_double = |(at, value): (usize, &ParamValue)| choices[..at].contains(value);
    if let Some((_, value)) = choices.iter().enumerate().find(|entry| is_double(*entry)) {
        return Err(format!("{value} is there twice"));
    }
    Ok(Range::Choice(choices))
}

/// What stands on the command line is what was written: a number only where it is printed in the same way.
fn choice(word: &str) -> ParamValue {
    let number = ParamValue::from(word);
    let is_finite = !matches!(number, ParamValue::Real(value) if !value.is_finite());
    if is_finite && number.to_string() == word { number } else { ParamValue::Text(word.to_owned()) }
}

fn condition_on(text: &str, before: &[Dimension]) -> Result<(String, ParamValue), String> {
    let (name, value) = text.split_once('=').ok_or(FORMS)?;
    let Some(other) = before.iter().find(|dimension| dimension.name == name) else {
        return Err(format!("the condition is on {name:?}, which no --param before it defines"));
    };
    if matches!(other.range, Range::Real { .. }) {
        return Err(format!("{name} is a range of real numbers; a condition needs choices or whole numbers"));
    }
    Ok((name.to_owned(), value_of(other, value)?))
}

/// A value of a param, as it is written.
fn value_of(dimension: &Dimension, text: &str) -> Result<ParamValue, String> {
    let value = match &dimension.range {
        Range::Int { low, high, .. } => {
            let value = text.parse().ok().filter(|value| low <= value && value <= high);
            value.map(ParamValue::Int)
        }
        Range::Real { low, high, .. } => {
            let value = text.parse().ok().filter(|value| low <= value && value <= high);
            value.map(ParamValue::Real)
        }
        steps @ (Range::IntSteps { .. } | Range::RealSteps { .. }) => {
            steps.steps_to(&ParamValue::from(text)).and_then(|at| steps.at(at))
        }
        Range::Choice(choices) => choices.contains(&choice(text)).then(|| choice(text)),
    };
    value.ok_or_else(|| format!("{} cannot be {text:?}; it is {}", dimension.name, dimension.range))
}

/// Lets the first trial take these values.
fn begin_with(dimensions: &mut [Dimension], start: &str) -> Result<(), String> {
    let mut given: Vec<(&str, &str)> = Vec::new();
    for part in start.split(',') {
        let (name, value) = part.split_once('=').ok_or("write NAME=VALUE,NAME=VALUE")?;
        if given.iter().any(|(known, _)| *known == name) {
            return Err(format!("{name} is there twice"));
        }
        given.push((name, value));
    }
    for (name, value) in &given {
        let Some(dimension) = dimensions.iter_mut().find(|dimension| dimension.name == *name) else {
            return Err(format!("no --param {name}"));
        };
        dimension.default = value_of(dimension, value)?;
    }
    let mut params = Params::new();
    for dimension in dimensions.iter() {
        if dimension.applies(&params) {
            params.insert(dimension.name.clone(), dimension.default.clone());
        } else if given.iter().any(|(name, _)| *name == dimension.name)
            && let Some((other, value)) = &dimension.only_if
        {
            return Err(format!("{} applies only where {other} is {value}", dimension.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(texts: &[&str]) -> Result<Vec<Dimension>, String> {
        dimensions(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), None)
    }

    #[test]
    fn every_form_is_read() {
        let text = |word: &str| ParamValue::Text(word.into());
        let all = parsed(&[
            "lr=1e-5..1e-1:log",
            "depth=2..12",
            "batch=8..512:log",
            "dropout=0..0.5:0.1",
            "layers=2..8:2",
            "opt=adam,sgd",
            "opt.momentum=0..0.99?opt=sgd",
            "seed=7",
            "version=1.10,1e-3,007,nan,2.5",
            "data=../a?b,../c",
        ])
        .unwrap();
        let ranges: Vec<&Range> = all.iter().map(|dimension| &dimension.range).collect();
        assert_eq!(*ranges[0], Range::Real { low: 1e-5, high: 0.1, log: true });
        assert_eq!(all[0].default, ParamValue::Real(0.001), "the middle of a logarithm");
        assert_eq!(*ranges[1], Range::Int { low: 2, high: 12, log: false });
        assert_eq!(all[2].default, ParamValue::Int(64));
        assert_eq!(*ranges[3], Range::RealSteps { low: 0.0, high: 0.5, step: 0.1 });
        assert_eq!(*ranges[4], Range::IntSteps { low: 2, high: 8, step: 2 });
        assert_eq!(*ranges[5], Range::Choice(vec![text("adam"), text("sgd")]));
        assert_eq!(*ranges[6], Range::Real { low: 0.0, high: 0.99, log: false });
        assert_eq!(all[6].only_if, Some(("opt".into(), text("sgd"))));
        assert_eq!(*ranges[7], Range::Choice(vec![ParamValue::Int(7)]));
        let words = [text("1.10"), text("1e-3"), text("007"), text("nan"), ParamValue::Real(2.5)];
        assert_eq!(*ranges[8], Range::Choice(words.to_vec()), "as they were written");
        assert_eq!(*ranges[9], Range::Choice(vec![text("../a?b"), text("../c")]));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        for (texts, why) in [
            (&["lr"][..], "write NAME="),
            (&["=1..2"], "write NAME="),
            (&["lr="], "write NAME="),
            (&["l r=1..2"], "is no name"),
            (&["args=1..2"], "meaning of its own"),
            (&["lr=1..0"], "low must be below high"),
            (&["lr=0..1:log"], "above 0 with log"),
            (&["lr=0..1:0"], "the step above 0"),
            (&["lr=1..x"], "invalid range"),
            (&["lr=abc..1"], "invalid range"),
            (&["lr=0.1..1O"], "invalid range"),
            (&["lr=1..inf"], "low must be below high"),
            (&["lr=a,,b"], "a choice is empty"),
            (&["lr=a,b,a"], "a is there twice"),
            (&["lr=1..2", "lr=3..4"], "lr is there twice"),
            (&["a.b=1..2", "a_b=3..4"], "both MLTUI_PARAM_A_B; rename one"),
            (&["m=0..1?opt=sgd"], "no --param before it defines"),
            (&["opt=a,b", "m=0..1?opt=c"], "opt cannot be \"c\"; it is a,b"),
            (&["lr=0.0..1.0", "m=0..1?lr=0.5"], "needs choices or whole numbers"),
        ] {
            let said = parsed(texts).unwrap_err();
            assert!(said.starts_with("--param ") && said.contains(why), "{texts:?}: {said}");
        }
    }

    #[test]
    fn the_first_trial_is_what_is_said_or_the_middle() {
        let texts =
            ["lr=1e-5..1e-1:log", "depth=2..12", "opt=adam,sgd", "m=0..0.9?opt=sgd"].map(str::to_owned);
        let begun = |start| dimensions(&texts, Some(start)).map(|all| crate::params::defaults(&all));
        let params = begun("lr=1e-3,depth=6").unwrap();
        assert_eq!((&params["lr"], &params["depth"]), (&ParamValue::Real(0.001), &ParamValue::Int(6)));
        assert!(!params.contains_key("m"));
        assert_eq!(begun("opt=sgd,m=0.5").unwrap()["m"], ParamValue::Real(0.5));
        for (start, why) in [
            ("lr", "write NAME=VALUE"),
            ("x=1", "no --param x"),
            ("depth=13", "depth cannot be \"13\"; it is 2..12"),
            ("depth=2.5", "cannot be"),
            ("m=0.5", "m applies only where opt is sgd"),
            ("depth=3,depth=4", "there twice"),
        ] {
            let said = begun(start).unwrap_err();
            assert!(said.contains(why), "{start}: {said}");
        }
    }

    fn any_range() -> impl Strategy<Value = Range> {
        let number = -1_000_000_i64..1_000_000;
        prop_oneof![
            (number.clone(), 0_i64..1000, any::<bool>()).prop_map(|(low, more, log)| {
                let low = if log { low.abs() + 1 } else { low };
                Range::Int { low, high: low + more, log }
            }),
            (1e-9..1e9, 1.0..1e6, any::<bool>()).prop_map(|(low, times, log)| Range::Real {
                low,
                high: low * times,
                log
            }),
            (number.clone(), 0_i64..1000, 1_i64..9).prop_map(|(low, more, step)| Range::IntSteps {
                low,
                high: low + more,
                step
            }),
            (number, 0_i64..1000, 1e-3..5.0).prop_map(|(low, more, step)| Range::RealSteps {
                low: low as f64,
                high: (low + more) as f64,
                step
            }),
            proptest::collection::btree_set("[a-zA-Z0-9./_-]{1,8}", 1..5)
                .prop_map(|words| Range::Choice(words.iter().map(|word| choice(word)).collect()))
                .prop_filter("not taken for a range", |range| matches!(
                    super::range(&range.to_string()),
                    Ok(Range::Choice(_))
                )),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(
            text in "[a-z=?,.:0-9e\\-+]{0,24}|[a-z]=(-?[0-9]{1,19}\\.\\.-?[0-9]{1,19}(:[0-9.]{1,9})?|[0-9e.\\-]{1,9}\\.\\.[0-9e.\\-]{1,9}(:log)?)"
        ) {
            if let Ok(all) = parsed(&[&text]) {
                prop_assert_eq!(parsed(&[&written(&all[0])]), Ok(all));
            }
        }

        #[test]
        fn what_is_written_reads_back(range in any_range(), on in any::<bool>()) {
            let other = parsed(&["other=x,y"]).unwrap();
            let default = range.middle().unwrap();
            let only_if = on.then(|| ("other".to_owned(), ParamValue::Text("y".into())));
            let known = Dimension { name: "a.name".into(), range, default, only_if };
            let text = written(&known);
            prop_assert_eq!(dimension(&text, &other), Ok(known), "{}", text);
        }
    }
}
