//! An engine that has done its number of files is replaced. Takes what it did; gives a reason to replace it, or none.

use super::Decision;
use verbatim_text as text;

/// Whether an engine that did so many files has done enough; a `limit` of 0 switches this off.
pub fn max_files(files_done: u64, limit: u64) -> Option<Decision<()>> {
    (limit > 0 && files_done >= limit).then(|| {
        let files = text::files(usize::try_from(files_done).unwrap_or(usize::MAX));
        Decision::new((), format!("it did {files}, and may do {limit}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_does_its_number_of_files() {
        for (done, limit, enough) in [
            (0, 0, false),
            (u64::MAX, 0, false),
            (0, 1, false),
            (1, 1, true),
            (99, 100, false),
            (101, 100, true),
        ] {
            assert_eq!(max_files(done, limit).is_some(), enough, "{done} of {limit}");
        }
        assert_eq!(max_files(100, 100).unwrap().why, "it did 100 files, and may do 100");
    }
}
