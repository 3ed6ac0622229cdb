//! Images that were logged by key and step, with `mlflow.log_image(image, key="dogs", step=5)`: MLflow keeps each as a file
//! `images/dogs+step+5+timestamp+1795435200000+UUID.png`, and a smaller one beside it that only its own page shows.

use std::collections::HashSet;
use std::fmt;

use crate::store::ArtifactList;

/// What the name of such an image says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedImage {
    pub key: String,
    pub step: i64,
    /// In milliseconds.
    pub timestamp: i64,
    is_compressed: bool,
}

impl LoggedImage {
    pub fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("images/").filter(|name| !name.contains('/'))?;
        let (stem, _) = name.rsplit_once('.')?;
        // MLflow 3 parts a name with plus signs and has a tilde for a slash of the key; before it was `%` and `#`.
        [('+', '~'), ('%', '#')].into_iter().find_map(|(mark, slash)| {
            let parts: Vec<&str> = stem.split(mark).collect();
            let [key, "step", step, "timestamp", timestamp, _uuid, rest @ ..] = parts.as_slice() else {
                return None;
            };
            let is_compressed = match rest {
                [] => false,
                ["compressed"] => true,
                _ => return None,
            };
            let key = key.replace(slash, "/");
            Some(Self { key, step: step.parse().ok()?, timestamp: timestamp.parse().ok()?, is_compressed })
        })
    }
}

impl fmt::Display for LoggedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, step, .. } = self;
        write!(f, "{key} step {step}")
    }
}

/// A folder with such images by key and step, behind all else, and without the smaller ones of each.
pub fn in_order(list: ArtifactList) -> ArtifactList {
    let ArtifactList { files, is_cut } = list;
    let (mut images, mut ordered) = (Vec::new(), Vec::new());
    for file in files {
        match LoggedImage::of(&file.path).filter(|_| !file.is_dir) {
            Some(image) => images.push((image, file)),
            None => ordered.push(file),
        }
    }
    let whole: HashSet<(String, i64, i64)> = images
        .iter()
        .filter(|(image, _)| !image.is_compressed)
        .map(|(image, _)| (image.key.clone(), image.step, image.timestamp))
        .collect();
    images.retain(|(image, _)| {
        !image.is_compressed || !whole.contains(&(image.key.clone(), image.step, image.timestamp))
    });
    images.sort_by(|(a, _), (b, _)| (&a.key, a.step, a.timestamp).cmp(&(&b.key, b.step, b.timestamp)));
    ordered.extend(images.into_iter().map(|(_, file)| file));
    ArtifactList { files: ordered, is_cut }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::ArtifactFile;

    #[test]
    fn names_of_both_versions_are_read() {
        let image = LoggedImage::of("images/val~conf matrix+step+10+timestamp+17+aad8-f1.png").unwrap();
        assert_eq!((image.key.as_str(), image.step, image.timestamp), ("val/conf matrix", 10, 17));
        let image = LoggedImage::of("images/a#b%step%-1%timestamp%2%aad8-f1%compressed.webp").unwrap();
        assert_eq!((image.key.as_str(), image.step, image.is_compressed), ("a/b", -1, true));
        for path in [
            "dogs+step+1+timestamp+2+u.png",
            "images/dogs.png",
            "images/dogs+step+x+timestamp+2+u.png",
            "images/a/dogs+step+1+timestamp+2+u.png",
            "images/dogs+step+1+timestamp+2+u+more.png",
        ] {
            assert_eq!(LoggedImage::of(path), None, "{path}");
        }
    }

    #[test]
    fn images_come_by_key_and_step_and_once() {
        let file =
            |name: &str| ArtifactFile { path: format!("images/{name}"), is_dir: false, file_size: None };
        let names = [
            "dogs+step+0+timestamp+1+u+compressed.webp",
            "dogs+step+0+timestamp+1+u.png",
            "dogs+step+10+timestamp+3+u.png",
            "dogs+step+5+timestamp+2+u.png",
            "cats+step+5+timestamp+2+u+compressed.webp",
            "other.png",
        ];
        let list = ArtifactList { files: names.map(file).to_vec(), is_cut: true };
        let ordered = in_order(list);
        let paths: Vec<&str> = ordered.files.iter().map(|file| &file.path["images/".len()..]).collect();
        assert!(ordered.is_cut);
        assert_eq!(paths, [names[5], names[4], names[1], names[3], names[2]]);
    }
}
