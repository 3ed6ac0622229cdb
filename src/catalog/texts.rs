//! Distinct texts, each kept once and named by a small number.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::mlflow::limits;

/// A text's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sym(pub u32);

/// Texts longer than this are kept whole only as long as all of these together take no more than so many bytes: of ten
/// thousand runs with a novel in a tag, the beginnings are enough to look at.
const LONG: usize = 1_024;
const ALL_LONG: usize = 32 << 20;

const BLOCK_BITS: u32 = 12;
const BLOCK: usize = 1 << BLOCK_BITS;

/// Up to [`BLOCK`] texts, one after the other.
#[derive(Debug, Clone, Default)]
struct Block {
    text: String,
    ends: Vec<u32>,
}

/// The texts themselves; a copy shares all full blocks.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    blocks: Vec<Arc<Block>>,
}

impl Texts {
    /// The text of a number that these texts gave out.
    pub fn get(&self, sym: Sym) -> &str {
        let block = &self.blocks[(sym.0 >> BLOCK_BITS) as usize];
        let at = sym.0 as usize & (BLOCK - 1);
        let start = if at == 0 { 0 } else { block.ends[at - 1] as usize };
        &block.text[start..block.ends[at] as usize]
    }

    pub fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.ends.len())
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    fn push(&mut self, text: &str) -> Sym {
        let sym = Sym(self.len() as u32);
        if sym.0 as usize & (BLOCK - 1) == 0 {
            if let Some(full) = self.blocks.last_mut() {
                let full = Arc::make_mut(full);
                full.text.shrink_to_fit();
                full.ends.shrink_to_fit();
            }
            self.blocks.push(Arc::default());
        }
        if let Some(last) = self.blocks.last_mut() {
            let last = Arc::make_mut(last);
            last.text.push_str(text);
            last.ends.push(last.text.len() as u32);
        }
        sym
    }
}

/// Gives out numbers.
#[derive(Debug, Default)]
pub struct Interner {
    pub texts: Texts,
    /// With half of the hash of each text: it is not looked at again where the table grows.
    index: HashTable<(u32, Sym)>,
    /// Bytes of the long texts that are kept whole.
    long: usize,
    /// The texts of which the beginnings are kept, by what tells the whole ones apart: a hash and the length.
    cut: HashMap<(u64, usize), Sym>,
    keys: RandomState,
}

impl Interner {
    /// The number of a text: where there is too much of long ones, of its beginning and a word that it was cut.
    pub fn intern(&mut self, text: &str) -> Sym {
        let hash = FxBuildHasher.hash_one(text);
        let half = (hash ^ (hash >> 32)) as u32;
        let known = |(known, sym): &(u32, Sym)| *known == half && self.texts.get(*sym) == text;
        if let Some((_, sym)) = self.index.find(whole(half), known) {
            return *sym;
        }
        if text.len() > LONG + limits::CUT.len() {
            if self.long >= ALL_LONG {
                let whole = (self.keys.hash_one(text), text.len());
                let texts = &mut self.texts;
                return *self.cut.entry(whole).or_insert_with(|| texts.push(&limits::cut(text, LONG)));
            }
            self.long += text.len();
        }
        let sym = self.texts.push(text);
        self.index.insert_unique(whole(half), (half, sym), |(half, _)| whole(*half));
        sym
    }
}

/// A hash whose upper bits, which tell entries apart, and lower bits, which say where they are, both tell of a text.
fn whole(half: u32) -> u64 {
    u64::from(half) << 32 | u64::from(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_long_texts_the_beginnings_are_kept() {
        let mut interner = Interner::default();
        let text = |number: usize| format!("{number:x<32000}");
        let first = interner.intern(&text(0));
        let last: Vec<Sym> = (1..2_000).map(|number| interner.intern(&text(number))).collect();
        assert_eq!(interner.texts.get(first), text(0));
        let cut = interner.texts.get(last[1_998]);
        assert!(cut.starts_with("1999x") && cut.ends_with(limits::CUT) && cut.len() < 1_100, "{cut}");
        assert_eq!(interner.intern(&text(1_999)), last[1_998]);
        assert_eq!(interner.intern(&text(0)), first, "what was kept whole is found whole");
        let other = format!("{}!", text(1_999));
        let other_sym = interner.intern(&other);
        assert_ne!(other_sym, last[1_998], "the same beginning, and another text");
        assert_eq!(interner.intern(&other), other_sym);
        let legal = "y".repeat(1_000);
        let legal_sym = interner.intern(&legal);
        assert_eq!(interner.texts.get(legal_sym), legal);
    }
}
