//! Names for runs that were given none, in MLflow's form: adjective, noun, number.

const ADJECTIVES: [&str; 32] = [
    "able", "bold", "bright", "calm", "clean", "clever", "crisp", "deft", "eager", "fair", "fond", "gentle",
    "glad", "grand", "handy", "hopeful", "jolly", "keen", "kind", "lively", "lucky", "merry", "neat",
    "nimble", "polite", "proud", "quick", "quiet", "smart", "swift", "wise", "witty",
];
const NOUNS: [&str; 32] = [
    "ant", "bear", "bee", "cat", "colt", "crab", "crane", "deer", "doe", "dove", "elk", "finch", "fox",
    "gnu", "goat", "hare", "hawk", "hen", "ibis", "jay", "lamb", "lark", "lynx", "mole", "moth", "newt",
    "otter", "owl", "ram", "seal", "swan", "wren",
];

/// A run name from a random number, the same name for the same number.
pub fn run_name(random: u64) -> String {
    let pick = |list: &[&'static str; 32], shift: u32| list[(random >> shift) as usize % 32];
    format!("{}-{}-{}", pick(&ADJECTIVES, 0), pick(&NOUNS, 8), (random >> 16) % 1000)
}
