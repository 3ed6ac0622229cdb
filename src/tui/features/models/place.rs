//! A place in the registry, as it is named on the command line.

use std::str::FromStr;

use super::screen::ModelsScreen;

/// The registry, a model in it, or one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryPlace {
    All,
    Model(String),
    Version(String, u64),
    Alias(String, String),
}

impl FromStr for RegistryPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if matches!(text, "models" | "models:/") {
            return Ok(Self::All);
        }
        let wrong =
            || format!("{text:?} is none of models, models:/NAME, models:/NAME/VERSION, models:/NAME@ALIAS");
        let name = text.strip_prefix("models:/").filter(|name| !name.is_empty()).ok_or_else(wrong)?;
        if let Some((name, version)) = name.split_once('/') {
            let version = version.parse().map_err(|_| wrong())?;
            return Ok(Self::Version(name.to_owned(), version));
        }
        Ok(match name.rsplit_once('@') {
            Some((name, alias)) if !name.is_empty() && !alias.is_empty() => {
                Self::Alias(name.to_owned(), alias.to_owned())
            }
            Some(_) | None => Self::Model(name.to_owned()),
        })
    }
}

impl RegistryPlace {
    pub fn screen(self) -> ModelsScreen {
        let screen = match self {
            Self::All => return ModelsScreen::default(),
            Self::Model(name) => ModelsScreen::at(Some(name), None),
            Self::Version(name, version) => ModelsScreen::at(Some(name), Some(version)),
            Self::Alias(name, alias) => ModelsScreen::at_alias(name, alias),
        };
        ModelsScreen { is_named: true, ..screen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_mlflow_names_models() {
        let place = |text: &str| text.parse::<RegistryPlace>();
        assert_eq!(place("models"), Ok(RegistryPlace::All));
        assert_eq!(place("models:/wine"), Ok(RegistryPlace::Model("wine".into())));
        assert_eq!(place("models:/wine/3"), Ok(RegistryPlace::Version("wine".into(), 3)));
        let alias = RegistryPlace::Alias("wine".into(), "champion".into());
        assert_eq!(place("models:/wine@champion"), Ok(alias));
        assert_eq!(place("models:/a@"), Ok(RegistryPlace::Model("a@".into())));
        for wrong in ["wine", "runs:/1", "models:/wine/new"] {
            assert!(place(wrong).unwrap_err().contains("models:/NAME@ALIAS"), "{wrong}");
        }
    }
}
