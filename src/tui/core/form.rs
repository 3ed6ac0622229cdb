//! The forms in which what is on the screen leaves it.

use crate::sheet::Format;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Table(Format),
    Svg,
}

impl Form {
    pub fn name(self) -> &'static str {
        match self {
            Self::Table(format) => format.name(),
            Self::Svg => "SVG",
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Table(format) => format.extension(),
            Self::Svg => "svg",
        }
    }
}
