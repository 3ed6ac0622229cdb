//! Values as the numbers of bins. What the bins are is learnt from the rows that are trained on.

use std::num::NonZero;

use fastrand::Rng;

use crate::learn::cores::side_by_side;
use crate::learn::trees::between;

/// Of the values of a feature, at most.
pub const MOST_BINS: usize = 255;
/// The bin of gaps.
pub const GAP_BIN: u8 = 255;
/// Values that bins are learnt from, at most; of more a part is drawn, the same each time.
const SAMPLE: usize = 200_000;
/// Rows that are brought into bins at a time.
const BLOCK: usize = 2048;

/// How a feature stands in a byte of each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Binning {
    /// By its value: in the first bin up to the first threshold, and so on. The bin behind the last has no upper end.
    Cuts { byte: usize, cuts: Vec<f32> },
    /// 1 in that bin, 0 in all others: one of several features of which a row has one at most, as one-hot columns are.
    Level { byte: usize, bin: u8 },
}

impl Binning {
    pub fn byte(&self) -> usize {
        match self {
            Self::Cuts { byte, .. } | Self::Level { byte, .. } => *byte,
        }
    }
}

/// A table as the numbers of bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Binned {
    pub rows: usize,
    pub features: Vec<Binning>,
    /// Bytes of a row, a multiple of four.
    pub stride: usize,
    /// Row after row, for sums.
    pub codes: Vec<u8>,
    /// The same byte after byte of a row, for splits.
    pub columns: Vec<Vec<u8>>,
}

impl Binned {
    /// Learns bins from these columns, in which gaps are NaN, and brings them into bins.
    pub fn new(columns: &[&[f32]], threads: usize) -> Self {
        let rows = columns.first().map_or(0, |column| column.len());
        let features = laid_out(columns, rows, threads);
        let bytes = features.iter().map(|feature| feature.byte() + 1).max().unwrap_or(0);
        let stride = bytes.next_multiple_of(4).max(4);
        let mut codes = vec![0; rows * stride];
        let each = rows.div_ceil(threads.max(1)).next_multiple_of(BLOCK).max(BLOCK);
        let work = |(at, codes): (usize, &mut [u8])| encode(columns, &features, at * each, codes, stride);
        side_by_side(codes.chunks_mut(each * stride).enumerate().collect(), work);
        let mut by_byte = vec![vec![0; rows]; bytes];
        let each = bytes.div_ceil(threads.max(1)).max(1);
        let work = |(part, by_byte): (usize, &mut [Vec<u8>])| turn(&codes, stride, part * each, by_byte);
        side_by_side(by_byte.chunks_mut(each).enumerate().collect(), work);
        Self { rows, features, stride, codes, columns: by_byte }
    }
}

/// Bytes of the rows from `first` on, each by itself.
fn turn(codes: &[u8], stride: usize, first: usize, by_byte: &mut [Vec<u8>]) {
    for (block, codes) in codes.chunks(BLOCK * stride).enumerate() {
        for (at, column) in by_byte.iter_mut().enumerate() {
            let column = &mut column[block * BLOCK..];
            for (code, row) in column.iter_mut().zip(codes.chunks_exact(stride)) {
                *code = row[first + at];
            }
        }
    }
}

/// Which byte each feature is in.
fn laid_out(columns: &[&[f32]], rows: usize, threads: usize) -> Vec<Binning> {
    let sample = sample(rows);
    let each = NonZero::new(columns.len().div_ceil(threads.max(1))).map_or(1, NonZero::get);
    let sample = sample.as_deref();
    let cuts = side_by_side(columns.chunks(each).collect(), |columns: &[&[f32]]| -> Vec<Vec<f32>> {
        let mut scratch = Scratch::default();
        columns.iter().map(|column| learnt(column, sample, &mut scratch)).collect()
    });
    let cuts = cuts.into_iter().flatten();
    let mut features = Vec::with_capacity(columns.len());
    let mut byte = 0;
    let mut bundle = Bundle::default();
    for (column, cuts) in columns.iter().zip(cuts) {
        let is_binary = matches!(cuts.as_slice(), [cut] if cut.total_cmp(&0.5).is_eq());
        let bits = if is_binary { ones(column) } else { None };
        let Some(bits) = bits else {
            byte += bundle.close();
            features.push(Binning::Cuts { byte, cuts });
            byte += 1;
            continue;
        };
        if !bundle.takes(&bits) {
            byte += bundle.close();
        }
        let bin = bundle.add(&bits);
        features.push(Binning::Level { byte, bin });
    }
    features
}

/// Features of which no row has two.
#[derive(Default)]
struct Bundle {
    /// Bits of rows that have one.
    taken: Vec<u64>,
    features: u8,
}

impl Bundle {
    fn takes(&self, bits: &[u64]) -> bool {
        usize::from(self.features) + 1 < MOST_BINS
            && self.taken.iter().zip(bits).all(|(taken, bits)| taken & bits == 0)
    }

    /// Its bin; bin 0 is that of rows that have none.
    fn add(&mut self, bits: &[u64]) -> u8 {
        self.taken.resize(bits.len(), 0);
        for (taken, bits) in self.taken.iter_mut().zip(bits) {
            *taken |= bits;
        }
        self.features += 1;
        self.features
    }

    /// How many bytes it takes.
    fn close(&mut self) -> usize {
        let bytes = usize::from(self.features > 0);
        *self = Self::default();
        bytes
    }
}

/// A bit for each row that has a 1; none if there are other values than 0 and 1.
fn ones(column: &[f32]) -> Option<Vec<u64>> {
    let mut bits = vec![0; column.len().div_ceil(64)];
    for (word, values) in bits.iter_mut().zip(column.chunks(64)) {
        for (at, value) in values.iter().enumerate() {
            let one = value.to_bits() == 1.0_f32.to_bits();
            if !one && value.to_bits() != 0 {
                return None;
            }
            *word |= u64::from(one) << at;
        }
    }
    Some(bits)
}

/// Rows to learn from, where there are too many: one of each of so many stretches.
fn sample(rows: usize) -> Option<Vec<u32>> {
    let mut rng = Rng::with_seed(1);
    (rows > SAMPLE).then(|| {
        let start = |at: usize| at * rows / SAMPLE;
        (0..SAMPLE).map(|at| rng.usize(start(at)..start(at + 1)) as u32).collect()
    })
}

#[derive(Default)]
struct Scratch {
    keys: Vec<u32>,
    beside: Vec<u32>,
    /// Different values, and how many of each.
    values: Vec<(f32, usize)>,
}

/// The thresholds between the bins of a column.
fn learnt(column: &[f32], sample: Option<&[u32]>, scratch: &mut Scratch) -> Vec<f32> {
    let Scratch { keys, beside, values } = scratch;
    keys.clear();
    let key = |value: f32| {
        let bits = (value + 0.0).to_bits();
        if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
    };
    match sample {
        Some(rows) => {
            let drawn = rows.iter().map(|row| column[*row as usize]);
            keys.extend(drawn.filter(|value| !value.is_nan()).map(key));
        }
        None => keys.extend(column.iter().copied().filter(|value| !value.is_nan()).map(key)),
    }
    sort(keys, beside);
    values.clear();
    for equal in keys.chunk_by(|a, b| a == b) {
        let bits = if equal[0] >> 31 == 1 { equal[0] & !(1 << 31) } else { !equal[0] };
        values.push((f32::from_bits(bits), equal.len()));
    }
    thresholds(values, MOST_BINS)
}

/// Eleven bits at a time, the lowest first.
fn sort(keys: &mut Vec<u32>, beside: &mut Vec<u32>) {
    const BITS: u32 = 11;
    if keys.len() < 1 << BITS {
        keys.sort_unstable();
        return;
    }
    beside.clear();
    beside.resize(keys.len(), 0);
    for shift in [0, BITS, 2 * BITS] {
        let digit = |key: u32| (key >> shift & ((1 << BITS) - 1)) as usize;
        let mut places = [0_u32; 1 << BITS];
        for key in keys.iter() {
            places[digit(*key)] += 1;
        }
        let mut sum = 0;
        for place in &mut places {
            sum += std::mem::replace(place, sum);
        }
        for key in keys.iter() {
            let place = &mut places[digit(*key)];
            beside[*place as usize] = *key;
            *place += 1;
        }
        std::mem::swap(keys, beside);
    }
}

/// Half way between values that are next to each other: between all of them where there are no more than bins, else so that
/// bins have about as many rows each, and values that would fill one have one to themselves (as LightGBM does it).
fn thresholds(values: &[(f32, usize)], most: usize) -> Vec<f32> {
    let cut = |at: usize| between(values[at].0, values[at + 1].0);
    if values.len() <= most {
        return (1..values.len()).map(|at| cut(at - 1)).collect();
    }
    let total: usize = values.iter().map(|(_, count)| count).sum();
    let even = total as f64 / most as f64;
    let is_big = |at: usize| values[at].1 as f64 >= even;
    let (mut rest, mut bins) = (total, most);
    for at in (0..values.len()).filter(|at| is_big(*at)) {
        rest -= values[at].1;
        bins -= 1;
    }
    let mut mean = rest as f64 / bins as f64;
    let mut cuts = Vec::with_capacity(most - 1);
    let mut filled = 0;
    for (at, (_, count)) in values.iter().enumerate().take(values.len() - 1) {
        if !is_big(at) {
            rest -= count;
        }
        filled += count;
        let is_full =
            is_big(at) || filled as f64 >= mean || (is_big(at + 1) && filled as f64 >= (mean * 0.5).max(1.0));
        if !is_full {
            continue;
        }
        cuts.push(cut(at));
        if cuts.len() == most - 1 {
            break;
        }
        filled = 0;
        if !is_big(at) {
            bins -= 1;
            mean = rest as f64 / bins as f64;
        }
    }
    cuts
}

/// Brings rows from `first` on into bins.
fn encode(columns: &[&[f32]], features: &[Binning], first: usize, codes: &mut [u8], stride: usize) {
    let tables: Vec<Option<[f32; 256]>> = features
        .iter()
        .map(|feature| match feature {
            Binning::Cuts { cuts, .. } => {
                let mut table = [f32::INFINITY; 256];
                table[..cuts.len()].copy_from_slice(cuts);
                Some(table)
            }
            Binning::Level { .. } => None,
        })
        .collect();
    for (block, codes) in codes.chunks_mut(BLOCK * stride).enumerate() {
        let from = first + block * BLOCK;
        for ((column, feature), table) in columns.iter().zip(features).zip(&tables) {
            let values = &column[from..from + codes.len() / stride];
            let at = feature.byte();
            match (feature, table) {
                (Binning::Cuts { .. }, Some(table)) => {
                    for (row, value) in codes.chunks_exact_mut(stride).zip(values) {
                        row[at] = code(table, *value);
                    }
                }
                (Binning::Level { bin, .. }, _) => {
                    for (row, value) in codes.chunks_exact_mut(stride).zip(values) {
                        row[at] |= if *value > 0.5 { *bin } else { 0 };
                    }
                }
                (Binning::Cuts { .. }, None) => {}
            }
        }
    }
}

/// How many thresholds a value is above.
fn code(cuts: &[f32; 256], value: f32) -> u8 {
    if value.is_nan() {
        return GAP_BIN;
    }
    let mut at = 0_usize;
    for step in [128, 64, 32, 16, 8, 4, 2, 1] {
        at += step * usize::from(value > cuts[(at + step - 1) & 255]);
    }
    at as u8
}
