//! Ids as newtypes, so that a run's id never passes for an experiment's.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// An experiment's id: a decimal number in a database, any string on a hosted server.
    ExperimentId
}
id! {
    /// A run's id (`run_uuid`): 32 hexadecimal digits without dashes.
    RunId
}
id! {
    /// A logged model's id: `m-` and 32 hexadecimal digits.
    ModelId
}

impl ExperimentId {
    /// The id as the integer key that a database uses, if it is one.
    pub fn as_key(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}
