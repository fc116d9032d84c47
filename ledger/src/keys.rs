//! Keys of a ledger's objects: all below `.verbatim/<job uid>/` in the destination.

use crate::store_location::StoreLocation;

/// Folder of all ledgers in a destination. Listings of sources skip names that start with a dot.
pub const LEDGER_FOLDER: &str = ".verbatim";

/// Digits of a shard's number, so that keys sort as numbers, for the largest number of shards.
const DIGITS: usize = 5;

/// Ledger of a job.
#[derive(Clone, Debug)]
pub struct Ledger {
    location: StoreLocation,
    uid: String,
}

impl Ledger {
    /// The ledger of a job in its destination.
    pub fn new(destination: StoreLocation, uid: impl Into<String>) -> Self {
        Self { location: destination, uid: uid.into() }
    }

    /// Store of the ledger.
    pub fn store(&self) -> &dyn verbatim_store::ObjectStore {
        self.location.store.as_ref()
    }

    /// UID of the job.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Key of the plan's head. The plan is valid once it exists.
    pub fn plan_key(&self) -> String {
        self.key("plan.json")
    }

    /// Key of a shard's files, as the worker that made the plan (`maker`) wrote them.
    pub fn shard_key(&self, maker: &str, shard: u32) -> String {
        self.key(&format!("plan/{maker}/{shard:0DIGITS$}.jsonl"))
    }

    /// Key of the claim on making the plan.
    pub fn plan_claim_key(&self) -> String {
        self.key("planning.json")
    }

    /// Key of the claim on writing the report.
    pub fn report_claim_key(&self) -> String {
        self.key("reporting.json")
    }

    /// Key of the claim on a shard.
    pub fn claim_key(&self, shard: u32) -> String {
        self.key(&format!("claims/{shard:0DIGITS$}.json"))
    }

    /// Prefix of the keys of all claims.
    pub fn claim_prefix(&self) -> String {
        self.key("claims/")
    }

    /// Key of the outcomes of a shard.
    pub fn outcomes_key(&self, shard: u32) -> String {
        self.key(&format!("done/{shard:0DIGITS$}.json"))
    }

    /// Prefix of the keys of all outcomes.
    pub fn outcomes_prefix(&self) -> String {
        self.key("done/")
    }

    /// Shard number in the key of a claim or of outcomes.
    pub fn shard_of(&self, key: &str) -> Option<u32> {
        key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
    }

    /// Key of the report's lines, one a file.
    pub fn report_lines_key(&self) -> String {
        self.key("report.jsonl")
    }

    /// Key of the report's sums. The job is complete once it exists.
    pub fn report_key(&self) -> String {
        self.key("report.json")
    }

    /// Key for the probe of conditional writes; `nonce` distinguishes workers.
    pub fn probe_key(&self, nonce: &str) -> String {
        self.key(&format!("probe/{nonce}"))
    }

    /// Address of an object of the ledger, for messages.
    pub fn address(&self, key: &str) -> String {
        self.location.store.address(key)
    }

    fn key(&self, name: &str) -> String {
        self.location.key(&format!("{LEDGER_FOLDER}/{}/{name}", self.uid))
    }
}
