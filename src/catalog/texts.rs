//! Distinct texts, each kept once and named by a small number.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// A text's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sym(pub u32);

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
    index: HashTable<Sym>,
}

impl Interner {
    pub fn intern(&mut self, text: &str) -> Sym {
        let hash = FxBuildHasher.hash_one(text);
        if let Some(sym) = self.index.find(hash, |sym| self.texts.get(*sym) == text) {
            return *sym;
        }
        let sym = self.texts.push(text);
        let texts = &self.texts;
        self.index.insert_unique(hash, sym, |sym| FxBuildHasher.hash_one(texts.get(*sym)));
        sym
    }
}
