//! Comparison with files under `tests/golden`. `UPDATE_GOLDEN=1 cargo test` rewrites them.

use std::fs;
use std::path::PathBuf;

/// Compares text with the golden file of this name.
pub(crate) fn golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = path.parent().expect("a golden file is in a folder");
        fs::create_dir_all(folder).expect("the golden folder can be made");
        return fs::write(&path, actual).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if actual == expected {
        return;
    }
    let line = actual.lines().zip(expected.lines()).position(|(a, e)| a != e);
    let line = line.unwrap_or_else(|| actual.lines().count().min(expected.lines().count()));
    panic!(
        "differs from {} in line {}:\n  expected {:?}\n  actual   {:?}\nUPDATE_GOLDEN=1 accepts the change",
        path.display(),
        line + 1,
        expected.lines().nth(line),
        actual.lines().nth(line),
    );
}
