//! Files and objects that a plan leaves out.

use verbatim_ledger::plan::LeftOut;
use verbatim_text::count;

/// Description of what a plan leaves out; none if it leaves out nothing.
pub fn left_out(left_out: &LeftOut) -> Option<String> {
    let parts: Vec<String> = [
        (left_out.not_audio, "file that is not audio", "files that are not audio"),
        (left_out.hidden, "hidden name", "hidden names"),
        (left_out.excluded, "file excluded by patterns", "files excluded by patterns"),
        (left_out.folders, "folder object", "folder objects"),
        (left_out.loops, "cyclic link", "cyclic links"),
        (left_out.twice, "recording named twice", "recordings named twice"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| count(number, one, many))
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
