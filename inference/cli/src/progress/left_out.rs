//! Objects of a job's source that its plan leaves out.

use verbatim_ledger::plan::LeftOut;

/// Description of the objects left out of a plan; none if there are none.
pub fn left_out(left_out: &LeftOut) -> Option<String> {
    let counts = [
        (left_out.not_audio, "not audio"),
        (left_out.hidden, "hidden"),
        (left_out.excluded, "excluded"),
        (left_out.folders, "folders"),
        (left_out.twice, "named twice"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
