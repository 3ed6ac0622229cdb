//! The user's own programs that look into files.

use std::path::{Path, PathBuf};

/// What a file is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// `$PAGER`
    Pager,
    /// `$VISUAL` or `$EDITOR`
    Editor,
    /// What the system opens such files with.
    Viewer,
}

impl Opener {
    pub const ALL: [Self; 3] = [Self::Pager, Self::Editor, Self::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pager => "pager",
            Self::Editor => "editor",
            Self::Viewer => "viewer of the system",
        }
    }

    /// The command in the terminal, by the variables of the environment; none where the system knows.
    ///
    /// # Errors
    /// Where a variable is no command.
    pub fn command(self, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Vec<String>>, String> {
        let (names, otherwise): (&[&str], _) = match self {
            Self::Pager => (&["PAGER"], "less"),
            Self::Editor => (&["VISUAL", "EDITOR"], "vi"),
            Self::Viewer => return Ok(None),
        };
        let is_set = |value: &String| !value.trim().is_empty();
        let set = names.iter().find_map(|name| variable(name).filter(is_set).map(|value| (name, value)));
        let Some((name, value)) = set else { return Ok(Some(vec![otherwise.into()])) };
        match shell_words::split(&value) {
            Ok(words) if !words.is_empty() => Ok(Some(words)),
            _ => Err(format!("${name} is no command: {value}")),
        }
    }
}

/// A command of the user that gets the terminal until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub words: Vec<String>,
    /// What is changed in the copy is somebody's work.
    pub is_editor: bool,
    /// What it leaves in the file goes where a text is being typed: into the prompt of this number.
    pub of_text: Option<u64>,
    /// The copy that it gets.
    pub file: PathBuf,
    /// When that was written, in nanoseconds since the epoch.
    pub fetched: u128,
}

impl Program {
    /// How it is told of.
    pub fn name(&self) -> &str {
        let first = self.words.first().map_or("", String::as_str);
        Path::new(first).file_name().and_then(|name| name.to_str()).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_that_the_environment_names() {
        let with = |opener: Opener, set: &[(&str, &str)]| {
            opener.command(|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let words = |opener, set: &[(&str, &str)]| with(opener, set).unwrap().unwrap().join("|");
        assert_eq!(words(Opener::Pager, &[]), "less");
        assert_eq!(words(Opener::Pager, &[("PAGER", "less -R 'a b'")]), "less|-R|a b");
        assert_eq!(words(Opener::Editor, &[("EDITOR", "nano")]), "nano");
        assert_eq!(words(Opener::Editor, &[("VISUAL", "code -w"), ("EDITOR", "nano")]), "code|-w");
        assert_eq!(words(Opener::Editor, &[("VISUAL", " "), ("EDITOR", "")]), "vi");
        assert_eq!(with(Opener::Viewer, &[]).unwrap(), None);
        let error = with(Opener::Pager, &[("PAGER", "less 'a")]).unwrap_err();
        assert_eq!(error, "$PAGER is no command: less 'a");
        let program = Program {
            words: vec!["/usr/bin/less".into()],
            is_editor: false,
            of_text: None,
            file: "a".into(),
            fetched: 0,
        };
        assert_eq!(program.name(), "less");
    }
}
