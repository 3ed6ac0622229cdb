//! A chart on the screen.

pub mod view;
