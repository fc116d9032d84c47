//! Identity of a job: the same manifest is the same job on any machine.

use sha2::{Digest, Sha256};
use verbatim_crds::TranscriptionJob;

/// Digits of a derived UID: as many as a UUID has.
const DIGITS: usize = 32;

/// UID of the job: the API server's, else a digest of its namespace, its name and the immutable part of its
/// spec (source, destination, model, recognition).
pub fn job_uid(job: &TranscriptionJob) -> String {
    if let Some(uid) = job.metadata.uid.as_ref().filter(|uid| is_plain(uid)) {
        return uid.clone();
    }
    let spec = &job.spec;
    let namespace = job.metadata.namespace.as_deref().unwrap_or("default");
    let name = job.metadata.name.as_deref().unwrap_or_default();
    // The maps and fields of these types are ordered, so the text is the same everywhere.
    let text =
        serde_json::json!([1, namespace, name, spec.source, spec.destination, spec.model, spec.recognition]);
    let digest = hex::encode(Sha256::digest(text.to_string()));
    let plain: String = digest.chars().take(DIGITS).collect();
    // In the notation of UUIDs, which people know.
    [&plain[0..8], &plain[8..12], &plain[12..16], &plain[16..20], &plain[20..32]].join("-")
}

/// Whether a UID can be the name of a folder. The API server assigns UUIDs; a manifest may contain anything.
fn is_plain(uid: &str) -> bool {
    (1..=63).contains(&uid.len()) && uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(change: impl Fn(&mut TranscriptionJob)) -> String {
        let mut job = TranscriptionJob::default();
        job.metadata.name = Some("calls".to_owned());
        change(&mut job);
        job_uid(&job)
    }

    #[test]
    fn the_same_manifest_is_the_same_job() {
        assert_eq!(job(|_| {}), job(|job| job.metadata.namespace = Some("default".to_owned())));
        // Mutable fields do not change the job.
        assert_eq!(job(|_| {}), job(|job| job.spec.scaling.max_workers = 7));
        assert_eq!(job(|_| {}).len(), 36);
    }

    #[test]
    fn another_name_namespace_model_or_source_is_another_job() {
        let changes: [fn(&mut TranscriptionJob); 4] = [
            |job| job.metadata.name = Some("other".to_owned()),
            |job| job.metadata.namespace = Some("other".to_owned()),
            |job| job.spec.model.name = Some("other".to_owned()),
            |job| job.spec.source.keys = Some(vec!["a.wav".to_owned()]),
        ];
        for change in changes {
            assert_ne!(job(change), job(|_| {}));
        }
    }

    #[test]
    fn a_given_uid_is_used_if_it_can_be_a_folder() {
        assert_eq!(job(|job| job.metadata.uid = Some("abc-1".to_owned())), "abc-1");
        assert_eq!(job(|job| job.metadata.uid = Some("../abc".to_owned())), job(|_| {}));
    }
}
