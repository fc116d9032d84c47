//! Where the objects of a job's ledger are: all below `.verbatim/<job uid>/` in the destination.

use crate::place::Place;

/// The folder of all ledgers in a destination. Listings of sources leave out what begins with a dot.
pub const FOLDER: &str = ".verbatim";

/// Digits of a shard's number: keys sort as numbers do, for as many shards as there can be.
const DIGITS: usize = 5;

/// The ledger of one job.
#[derive(Clone, Debug)]
pub struct Ledger {
    place: Place,
    uid: String,
}

impl Ledger {
    /// The ledger of a job in its destination.
    pub fn new(destination: Place, uid: impl Into<String>) -> Self {
        Self { place: destination, uid: uid.into() }
    }

    /// The store that it is in.
    pub fn store(&self) -> &dyn verbatim_store::ObjectStore {
        self.place.store.as_ref()
    }

    /// The job's uid.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The plan: its head, which makes it valid.
    pub fn plan(&self) -> String {
        self.key("plan.json")
    }

    /// The files of a shard, as whoever made the plan (`maker`) wrote them.
    pub fn shard(&self, maker: &str, shard: u32) -> String {
        self.key(&format!("plan/{maker}/{shard:0DIGITS$}.jsonl"))
    }

    /// What the keys of all shards of all makers begin with.
    pub fn shards(&self) -> String {
        self.key("plan/")
    }

    /// The claim on making the plan.
    pub fn plan_claim(&self) -> String {
        self.key("planning.json")
    }

    /// The claim on writing the report.
    pub fn report_claim(&self) -> String {
        self.key("reporting.json")
    }

    /// The claim on a shard.
    pub fn claim(&self, shard: u32) -> String {
        self.key(&format!("claims/{shard:0DIGITS$}.json"))
    }

    /// What the keys of all claims begin with.
    pub fn claims(&self) -> String {
        self.key("claims/")
    }

    /// The outcomes of a shard.
    pub fn done(&self, shard: u32) -> String {
        self.key(&format!("done/{shard:0DIGITS$}.json"))
    }

    /// What the keys of all outcomes begin with.
    pub fn dones(&self) -> String {
        self.key("done/")
    }

    /// The shard that the key of a claim or of outcomes is about.
    pub fn shard_of(&self, key: &str) -> Option<u32> {
        key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
    }

    /// The report, a line a file.
    pub fn report_lines(&self) -> String {
        self.key("report.jsonl")
    }

    /// The report's sums: where it is, the job is over.
    pub fn report(&self) -> String {
        self.key("report.json")
    }

    /// Where the probe of conditional writes tries them; `nonce` tells one worker's from another's.
    pub fn probe(&self, nonce: &str) -> String {
        self.key(&format!("probe/{nonce}"))
    }

    /// The address of an object of the ledger, for people.
    pub fn address(&self, key: &str) -> String {
        self.place.store.address(key)
    }

    fn key(&self, name: &str) -> String {
        self.place.key(&format!("{FOLDER}/{}/{name}", self.uid))
    }
}
