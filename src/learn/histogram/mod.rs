//! Boosting on histograms, for tables that are too large to sort: values become the numbers of bins (255 at most, and one for
//! gaps), and a node is known by the sums of each bin.
//!
//! As in LightGBM (Ke et al. 2017) trees grow leaf by leaf, the one that gains most first, and of two children the smaller
//! one is summed up and the other is what is left of their parent. Sums are whole numbers ([`cells`]), which add up to the
//! same in any order: so the rows are shared out to threads ([`team`]), and the trees are the same however many there are.

mod bins;
mod boost;
mod cells;
mod grow;
mod objective;
mod scan;
mod shard;
mod team;

pub use bins::Binned;
pub use boost::{BoostOptions, Stopping, boost, worthwhile};
pub use grow::Growth;
pub use objective::{Aim, Weighted};

#[cfg(test)]
mod tests;
