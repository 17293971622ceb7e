//! Text that is pinned in a file, which people review when it changes.

use std::path::Path;

/// Compares `found` with the pinned text of `file`; the environment variable `PIN_SENTENCES` has the file written anew.
#[track_caller]
pub(crate) fn assert_pinned(file: &Path, found: &str) {
    if std::env::var_os("PIN_SENTENCES").is_some() {
        std::fs::write(file, found).unwrap();
    }
    let pinned = std::fs::read_to_string(file).unwrap_or_default();
    let differing = found.lines().zip(pinned.lines()).find(|(found, pinned)| found != pinned);
    let what_differs = differing.map(|(found, pinned)| format!("\n   found: {found}\n  pinned: {pinned}")).unwrap_or_default();
    assert!(found == pinned, "{} differs; run the tests with PIN_SENTENCES=1 if it should{what_differs}", file.display());
}

/// One example of each variant: a variant that is added stops the build here until it has an example.
macro_rules! one_of_each {
    ($type:ty: $($pattern:pat => $example:expr),+ $(,)?) => {{
        fn has_an_example(value: &$type) -> bool {
            match value {
                $($pattern => true),+
            }
        }
        let mut examples: Vec<$type> = Vec::new();
        $({
            let example = $example;
            assert!(matches!(example, $pattern) && has_an_example(&example), "{} is the example of another variant", stringify!($pattern));
            examples.push(example);
        })+
        examples
    }};
}
pub(crate) use one_of_each;
