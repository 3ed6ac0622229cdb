//! How far something was read. Only the backend that made a cursor understands it: to everybody else it is something to
//! keep and to hand back.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

/// What stands in a cursor.
trait Mark: Any + Debug + Send + Sync {
    fn is_same(&self, other: &dyn Any) -> bool;
}

impl<T: Any + Debug + PartialEq + Send + Sync> Mark for T {
    fn is_same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>() == Some(self)
    }
}

/// A mark of a type that only its maker knows; none before anything was read.
#[derive(Clone, Default)]
struct Opaque(Option<Arc<dyn Mark>>);

impl Opaque {
    fn new<T: Any + Debug + PartialEq + Send + Sync>(mark: T) -> Self {
        Self(Some(Arc::new(mark)))
    }

    fn get<T: Any>(&self) -> Option<&T> {
        let mark: &dyn Any = &**self.0.as_ref()?;
        mark.downcast_ref()
    }

    fn share<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let mark: Arc<dyn Any + Send + Sync> = self.0.clone()?;
        mark.downcast().ok()
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(mark), Some(other)) => {
                let other: &dyn Any = &**other;
                (**mark).is_same(other)
            }
            (None, None) => true,
            _ => false,
        }
    }
}

impl Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(mark) => mark.fmt(f),
            None => f.write_str("start"),
        }
    }
}

macro_rules! cursor {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Default)]
        pub struct $name(Opaque);

        impl $name {
            /// Before anything was read.
            pub const START: Self = Self(Opaque(None));

            /// A cursor with what its backend has to know again.
            pub fn new<T: Any + Debug + PartialEq + Send + Sync>(mark: T) -> Self {
                Self(Opaque::new(mark))
            }

            /// What stands in it, if it is of this type; nothing for a cursor of another backend.
            pub fn get<T: Any>(&self) -> Option<&T> {
                self.0.get()
            }
        }

        impl Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

cursor!(
    /// How far a store's changes have been seen.
    Cursor
);
cursor!(
    /// How far a metric's history has been read.
    HistoryCursor
);

impl Cursor {
    /// The same as [`Self::get`], shared: for work on another thread.
    pub fn share<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.share()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_understood_by_its_maker_only() {
        let cursor = Cursor::new(7_i64);
        assert_eq!((cursor.get::<i64>(), cursor.get::<u8>()), (Some(&7), None));
        assert_eq!(cursor.share::<i64>().as_deref(), Some(&7));
        assert!(Cursor::START.get::<i64>().is_none() && Cursor::START.share::<i64>().is_none());
        assert_eq!(cursor, Cursor::new(7_i64));
        assert!(cursor != Cursor::new(8_i64) && cursor != Cursor::new(7_u8) && cursor != Cursor::START);
        assert_eq!(format!("{:?} {:?}", cursor, HistoryCursor::START), "7 start");
    }
}
