//! A command with places for params: `{name}` is a value, `{args}` all others as `--name value`, `{args=}` as `--name=value`,
//! `{hydra}` as `name=value`. `{{` is a brace.

use crate::params::{Dimension, Params};

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplateWord {
    Pieces(Vec<Piece>),
    /// All that has no place of its own.
    Rest(Spelling),
}

/// How params stand on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// `--name value`
    Args,
    /// `--name=value`
    ArgsEqual,
    /// `name=value`
    Hydra,
}

impl Spelling {
    fn named(name: &str) -> Option<Self> {
        match name {
            "args" => Some(Self::Args),
            "args=" => Some(Self::ArgsEqual),
            "hydra" => Some(Self::Hydra),
            _ => None,
        }
    }
}

/// A command that is filled in for each trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    words: Vec<TemplateWord>,
    /// The params that `{args}` and the like stand for, in their order.
    rest: Vec<String>,
}

impl Template {
    /// Reads a command. Where no param has a place, they all go to its end.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn new(command: &[String], dimensions: &[Dimension]) -> Result<Self, String> {
        let names: Vec<&str> = dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        let read = command.iter().map(|text| word(text, &names));
        let mut words = read.collect::<Result<Vec<TemplateWord>, String>>()?;
        let is_placed = |name: &str| words.iter().any(|word| word.takes(name));
        let rest: Vec<String> =
            names.iter().filter(|name| !is_placed(name)).map(|name| (*name).to_owned()).collect();
        let has_rest = words.iter().any(|word| matches!(word, TemplateWord::Rest(_)));
        if has_rest && names.is_empty() {
            return Err("there is a place for params in the command, and no --param".into());
        }
        if !has_rest && rest.len() == names.len() && !rest.is_empty() {
            words.push(TemplateWord::Rest(Spelling::Args));
        } else if let Some(name) = rest.first().filter(|_| !has_rest) {
            return Err(format!(
                "nothing in the command takes the param {name}; write {{{name}}} where its value goes, or {{args}} for all others"
            ));
        }
        Ok(Self { words, rest })
    }

    /// The command of a trial. What takes a param that does not apply is left out, with the option before it that it is the
    /// value of.
    pub fn fill(&self, params: &Params) -> Vec<String> {
        let mut filled: Vec<String> = Vec::with_capacity(self.words.len());
        let mut is_option = false;
        for word in &self.words {
            match word {
                TemplateWord::Pieces(pieces) => match in_words(pieces, params) {
                    Some(text) => {
                        let is_text = pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
                        is_option = is_text && text.starts_with('-') && !text.contains('=');
                        filled.push(text);
                    }
                    None => {
                        if std::mem::take(&mut is_option) {
                            filled.pop();
                        }
                    }
                },
                TemplateWord::Rest(form) => {
                    is_option = false;
                    for (name, value) in self.rest.iter().filter_map(|name| Some((name, params.get(name)?))) {
                        match form {
                            Spelling::Args => filled.extend([format!("--{name}"), value.to_string()]),
                            Spelling::ArgsEqual => filled.push(format!("--{name}={value}")),
                            Spelling::Hydra => filled.push(format!("{name}={value}")),
                        }
                    }
                }
            }
        }
        filled
    }
}

impl TemplateWord {
    fn takes(&self, name: &str) -> bool {
        match self {
            Self::Pieces(pieces) => {
                pieces.iter().any(|piece| matches!(piece, Piece::Value(known) if known == name))
            }
            Self::Rest(_) => false,
        }
    }
}

/// A word with its values; none where a param of it does not apply.
fn in_words(pieces: &[Piece], params: &Params) -> Option<String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Value(name) => text.push_str(&params.get(name)?.to_string()),
        }
    }
    Some(text)
}

fn word(text: &str, names: &[&str]) -> Result<TemplateWord, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = behind;
            continue;
        }
        if brace == "}" {
            plain.push('}');
            continue;
        }
        let Some((name, behind)) = rest.split_once('}') else {
            return Err(format!("{text:?} has a {{ without its }}; write {{{{ for a brace"));
        };
        rest = behind;
        if let Some(form) = Spelling::named(name) {
            if text.len() != name.len() + 2 {
                return Err(format!(
                    "{text:?}: {{{name}}} stands for several words, so it has to be a word of its own"
                ));
            }
            return Ok(TemplateWord::Rest(form));
        }
        if !names.contains(&name) {
            let known = if names.is_empty() {
                "there is no --param".to_owned()
            } else {
                format!("params are {}", names.join(", "))
            };
            return Err(format!("{{{name}}} in the command is no param; {known}; write {{{{ for a brace"));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Value(name.to_owned()));
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(TemplateWord::Pieces(pieces))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::param::dimensions;
    use super::*;
    use crate::params::{ParamValue, defaults};

    const PARAMS: [&str; 4] = ["lr=0.5,1", "depth=3", "opt=adam,sgd", "opt.momentum=0.9?opt=sgd"];

    fn filled(command: &str, opt: &str) -> Result<String, String> {
        let all = dimensions(&PARAMS.map(str::to_owned), Some(&format!("opt={opt}"))).unwrap();
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        Ok(Template::new(&words, &all)?.fill(&defaults(&all)).join(" "))
    }

    #[test]
    fn values_go_where_they_are_wanted() {
        for (command, expected) in [
            ("python t.py", "python t.py --lr 0.5 --depth 3 --opt sgd --opt.momentum 0.9"),
            ("python t.py {args=} -v", "python t.py --lr=0.5 --depth=3 --opt=sgd --opt.momentum=0.9 -v"),
            ("python t.py {hydra}", "python t.py lr=0.5 depth=3 opt=sgd opt.momentum=0.9"),
            ("t --a {lr} +x={depth}{opt} {args}", "t --a 0.5 +x=3sgd --opt.momentum 0.9"),
            ("t {lr} {depth} {opt} {opt.momentum} {{a}} {{{lr}}} }", "t 0.5 3 sgd 0.9 {a} {0.5} }"),
        ] {
            assert_eq!(filled(command, "sgd").unwrap(), expected);
        }
        let expected = "t --lr 0.5 -d 3 adam";
        assert_eq!(
            filled("t --lr {lr} -d {depth} {opt} --momentum {opt.momentum}", "adam").unwrap(),
            expected
        );
        assert_eq!(filled("t --lr {lr} -d {depth} {opt} --m={opt.momentum}", "adam").unwrap(), expected);
        assert_eq!(filled("t", "adam").unwrap(), "t --lr 0.5 --depth 3 --opt adam");
    }

    #[test]
    fn a_place_without_a_param_and_a_param_without_a_place_are_errors() {
        for (command, why) in [
            (
                "t {x}",
                "{x} in the command is no param; params are lr, depth, opt, opt.momentum; write {{ for a brace",
            ),
            ("t {lr}", "nothing in the command takes the param depth; write {depth}"),
            ("t {lr", "has a { without its }"),
            ("t a{args}", "a word of its own"),
            ("t {\"a\":1}", "write {{ for a brace"),
        ] {
            let said = filled(command, "sgd").unwrap_err();
            assert!(said.contains(why), "{command}: {said}");
        }
        let command = ["t".to_owned(), "{args}".to_owned()];
        assert!(Template::new(&command, &[]).unwrap_err().contains("no --param"));
        assert_eq!(Template::new(&command[..1], &[]).unwrap().fill(&Params::new()), ["t"]);
    }

    proptest! {
        #[test]
        fn any_text_comes_through_with_its_braces_doubled(
            words in proptest::collection::vec("[ -~é]{0,12}", 1..5),
            value in "[ -~é]{1,8}",
        ) {
            let all = dimensions(&["x=1".to_owned()], None).unwrap();
            let doubled = |word: &String| word.replace('{', "{{").replace('}', "}}");
            let command: Vec<String> =
                words.iter().map(doubled).chain(["<{x}>".to_owned(), "{args}".to_owned()]).collect();
            let params = Params::from([("x".to_owned(), ParamValue::Text(value.clone()))]);
            let expected: Vec<String> = words.into_iter().chain([format!("<{value}>")]).collect();
            prop_assert_eq!(Template::new(&command, &all).unwrap().fill(&params), expected);
        }
    }
}
