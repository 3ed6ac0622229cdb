//! Names by a pattern.

/// Whether a name matches a pattern of `*` and `?`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p + 1, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                // The last star takes one letter more.
                let Some((after, from)) = back else { return false };
                (p, n) = (after, from + 1);
                back = Some((after, from + 1));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_their_patterns() {
        for (name, pattern, expected) in [
            ("a.csv", "*.csv", true),
            ("a.csv.gz", "*.csv", false),
            ("part-12.csv", "part-??.csv", true),
            ("part-1.csv", "part-??.csv", false),
            ("aXbXc", "a*X*c", true),
            ("abab", "*ab", true),
            ("", "*", true),
            ("x", "", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{name} {pattern}");
        }
    }
}
