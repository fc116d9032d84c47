//! Limit of files per engine. Takes the number of files; gives the decision whether the engine is replaced.

use crate::decide::Decision;
use verbatim_text as text;

/// Whether an engine has reached the limit of files; a `limit` of 0 disables it.
pub fn max_files(file_count: u64, limit: u64) -> Option<Decision<()>> {
    (limit > 0 && file_count >= limit).then(|| {
        let files = text::files(file_count);
        Decision::new((), format!("received {files}; the limit is {limit}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_replaced_at_the_limit() {
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
        assert_eq!(max_files(100, 100).unwrap().why, "received 100 files; the limit is 100");
    }
}
