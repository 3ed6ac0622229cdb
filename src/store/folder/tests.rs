//! The store as others find it: damaged, moved, written to by others.
