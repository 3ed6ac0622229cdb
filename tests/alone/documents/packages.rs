//! What the scripts in `packaging` make that needs no other build of the program.

use std::fs;
use std::path::Path;
use std::process::Command;

const TOP: &str = env!("CARGO_MANIFEST_DIR");
const KINDS: [&str; 4] = ["x86_64-linux", "aarch64-linux", "x86_64-macos", "aarch64-macos"];

fn script(name: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(Path::new(TOP).join("packaging").join(name)).args(arguments).output().unwrap();
    let words = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(words).unwrap().trim().to_owned())
}

#[test]
fn packages_hold_manual_pages_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let (worked, words) = script("pages", &[env!("CARGO_BIN_EXE_mltui"), folder.path().to_str().unwrap()]);
    assert!(worked, "{words}");
    for name in [
        "man/man1/mltui.1",
        "man/man1/mltui-best.1",
        "bash-completion/completions/mltui",
        "zsh/site-functions/_mltui",
        "fish/vendor_completions.d/mltui.fish",
    ] {
        assert!(fs::metadata(folder.path().join("share").join(name)).unwrap().len() > 500, "{name}");
    }
}

#[test]
fn a_release_has_one_version_and_says_what_is_new() {
    let (_, version) = script("version", &[]);
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let (worked, notes) = script("notes", &[]);
    assert!(worked && notes.len() > 500 && !notes.contains("\n## "), "{notes}");
}

/// Sums in place of every mark, and a missing archive is told.
#[test]
fn a_formula_and_a_recipe_name_the_archives_of_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let page = "https://example.org/team/mltui";
    let version = env!("CARGO_PKG_VERSION");
    for (at, kind) in KINDS.iter().enumerate() {
        let (worked, words) = script("formula", &[path, page]);
        assert!(!worked && words.contains(kind), "{words}");
        assert!(!folder.path().join("mltui.rb").exists());
        fs::write(folder.path().join(format!("mltui-{version}-{kind}.tar.gz")), [b'a' + at as u8]).unwrap();
    }
    let (worked, words) = script("formula", &[path, page]);
    assert!(worked, "{words}");
    for file in ["mltui.rb", "recipe.yaml"] {
        let made = fs::read_to_string(folder.path().join(file)).unwrap();
        for kind in KINDS {
            assert!(
                made.contains(&format!("{page}/releases/download/v{version}/mltui-{version}-{kind}.tar.gz"))
            );
        }
        // Of the one letter that the first archive holds here.
        assert!(made.contains("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"), "{made}");
        assert!(
            made.contains(page)
                && !made.contains("@X86")
                && !made.contains("@VERSION")
                && !made.contains("-linux@")
        );
    }
}
