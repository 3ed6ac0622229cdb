//! Words that are spelt nearly alike.

/// A word that is perhaps misspelt.
pub struct Spelling<'a> {
    written: &'a str,
    /// Letters that may differ.
    most: usize,
    /// Of an ASCII word how often each letter is in it.
    counts: Option<[usize; 128]>,
}

impl<'a> Spelling<'a> {
    /// A third of the letters may differ, and one of the shortest words.
    pub fn new(written: &'a str) -> Self {
        let counts = written.is_ascii().then(|| {
            let mut counts = [0; 128];
            written.bytes().for_each(|letter| counts[usize::from(letter)] += 1);
            counts
        });
        Self { written, most: (written.chars().count() / 3).max(1), counts }
    }

    /// How many letters are other ones, too many, missing, or in the other order; none if they are too many to be a mistake.
    pub fn distance(&self, known: &str) -> Option<usize> {
        // Most of thousands of names are ruled out by their letters alone.
        let may_be_near = match self.counts {
            Some(mut left) if known.is_ascii() => {
                let mut is_there = |letter: &u8| {
                    let count = &mut left[usize::from(*letter)];
                    let is_there = *count > 0;
                    *count -= usize::from(is_there);
                    is_there
                };
                let shared = known.as_bytes().iter().filter(|letter| is_there(letter)).count();
                self.written.len().max(known.len()) - shared <= self.most
            }
            _ => known.chars().count().abs_diff(self.written.chars().count()) <= self.most,
        };
        let distance = may_be_near.then(|| strsim::osa_distance(self.written, known));
        distance.filter(|distance| *distance <= self.most)
    }

    /// The nearest of some words, and how many letters differ.
    pub fn nearest<'b>(&self, words: impl IntoIterator<Item = &'b str>) -> Option<(usize, &'b str)> {
        let near = words.into_iter().filter_map(|word| Some((self.distance(word)?, word)));
        near.min_by_key(|(distance, _)| *distance)
    }

    /// The same of a name in small letters as this one. Where no letter is the same, nothing is near.
    fn distance_of_name(&self, known: &str) -> Option<usize> {
        self.distance(known).filter(|distance| *distance < known.chars().count())
    }
}

/// The name that is nearest to what is written, in small or capital letters.
pub fn nearest_name<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let spelling = Spelling::new(&lower);
    let distance = |name: &str| spelling.distance_of_name(&name.to_lowercase());
    let near = known.into_iter().filter_map(|name| Some((distance(name)?, name)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// What may be meant by a name that is none of those there are, behind what says so: ` (did you mean iris?)`.
/// Nothing where no name is near, or holds what is written.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let lower = written.to_lowercase();
    let spelling = Spelling::new(&lower);
    let holds = |name: &str| lower.chars().count() > 2 && name.contains(&lower);
    let near = known.into_iter().filter_map(|name| {
        let other = name.to_lowercase();
        let distance = spelling.distance_of_name(&other);
        let distance = distance.or_else(|| holds(&other).then(|| other.len().abs_diff(lower.len())));
        Some((distance?, name))
    });
    let nearest = near.min_by_key(|(distance, _)| *distance);
    nearest.map_or(String::new(), |(_, name)| format!(" (did you mean {name}?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_is_what_may_be_meant() {
        let sets = ["wine-quality", "wine-quality-class", "iris"];
        assert_eq!(did_you_mean("iri", sets), " (did you mean iris?)");
        assert_eq!(did_you_mean("Wine", sets), " (did you mean wine-quality?)");
        assert_eq!(did_you_mean("wine_quality", sets), " (did you mean wine-quality?)");
        assert_eq!(did_you_mean("houses.csv", sets), "");
        assert_eq!((nearest_name("Iriss", sets), nearest_name("Wine", sets)), (Some("iris"), None));
        assert_eq!(did_you_mean("", sets), "");
        assert_eq!(
            (did_you_mean("z", ["x", "y"]), did_you_mean("Y", ["x", "y"])),
            (String::new(), " (did you mean y?)".into())
        );
    }

    #[test]
    fn what_is_ruled_out_by_its_letters_is_far() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut near = 0;
        for _ in 0..20_000 {
            let word = |rng: &mut fastrand::Rng| -> String {
                (0..rng.usize(1..7)).map(|_| ['a', 'b', 'c', '_', 'é'][rng.usize(..5)]).collect()
            };
            let (written, known) = (word(&mut rng), word(&mut rng));
            let distance = strsim::osa_distance(&written, &known);
            let expected = (distance <= (written.chars().count() / 3).max(1)).then_some(distance);
            assert_eq!(Spelling::new(&written).distance(&known), expected, "{written} {known}");
            near += usize::from(expected.is_some());
        }
        assert!(near > 500);
        assert_eq!(Spelling::new("val_rsme").nearest(["val_mae", "val_rmse"]), Some((1, "val_rmse")));
    }
}
