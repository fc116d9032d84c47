use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use verbatim_crds::TranscriptionJobSpec;
use verbatim_crds::destination::{Format, Layout};
use verbatim_crds::source::{S3Source, SourceList};
use verbatim_store::memory::MemoryStore;
use verbatim_store::{Download, ETag, ErrorKind, Object, ObjectStore, Page, Put, Read, StoreError};

use super::*;
use crate::keys::Ledger;
use crate::store_location::StoreLocation;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

struct TestJob {
    store: Arc<MemoryStore>,
    spec: TranscriptionJobSpec,
    from: String,
    to: String,
}

impl TestJob {
    /// A job from `in/` to `out/` of one store.
    fn new(keys: &[&str]) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut spec = TranscriptionJobSpec::default();
        spec.source.s3 = Some(S3Source::default());
        let job = Self { store, spec, from: "in/".to_owned(), to: "out/".to_owned() };
        for key in keys {
            job.write(key, "sound");
        }
        job
    }

    fn write(&self, key: &str, body: impl Into<bytes::Bytes>) -> ETag {
        block_on(self.store.put(key, Put::new(body, "audio/wav"))).unwrap()
    }

    fn keys(mut self, names: &[&str]) -> Self {
        self.spec.source.keys = Some(names.iter().map(|&name| name.to_owned()).collect());
        self
    }

    fn list(mut self, key: &str, list: &str) -> Self {
        self.write(key, list.to_owned());
        self.spec.source.manifest = Some(SourceList { key: key.to_owned() });
        self
    }

    fn layout(mut self, layout: Layout) -> Self {
        self.spec.destination.layout = layout;
        self
    }

    fn plan_input(&self) -> PlanInput<'_> {
        let location = |prefix: &str| StoreLocation { store: self.store.clone(), prefix: prefix.to_owned() };
        let to = if self.spec.destination.layout == Layout::Adjacent { &self.from } else { &self.to };
        PlanInput {
            spec: &self.spec,
            source: location(&self.from),
            destination: location(to),
            lists: self.store.clone(),
        }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.plan_input().destination, "uid")
    }

    fn draft(&self) -> Result<Draft, PlanError> {
        block_on(draft(&self.plan_input(), &|_| ()))
    }

    fn make(&self, maker: &str) -> Result<Plan, PlanError> {
        block_on(make(&self.plan_input(), &self.ledger(), maker, &|_| ()))
    }

    fn files(&self) -> Vec<PlannedFile> {
        self.draft().unwrap().iter().map(Result::unwrap).collect()
    }

    /// Key and target of each recording.
    fn pairs(&self) -> Vec<(String, String)> {
        self.files().into_iter().map(|file| (file.key, file.target)).collect()
    }

    fn error(&self) -> String {
        self.draft().unwrap_err().to_string()
    }

    fn shard(&self, plan: &Plan, number: u32) -> Vec<PlannedFile> {
        let bytes = &self.store.snapshot()[&self.ledger().shard_key(&plan.maker, number)];
        read_shard_of(plan, number, bytes).unwrap()
    }
}

fn pair(key: &str, target: &str) -> (String, String) {
    (key.to_owned(), target.to_owned())
}

#[test]
fn a_prefix_is_listed_in_order_and_keeps_its_folders() {
    let job = TestJob::new(&[
        "in/",
        "in/.cache/x.wav",
        "in/.hidden.wav",
        "in/a/",
        "in/a/b.FLAC",
        "in/a/z.mp3",
        "in/b.wav",
        "in/notes.txt",
        "in/recording",
        "other/c.wav",
    ]);
    assert_eq!(
        job.pairs(),
        [pair("in/a/b.FLAC", "out/a/b"), pair("in/a/z.mp3", "out/a/z"), pair("in/b.wav", "out/b")]
    );
    let left_out = LeftOut { not_audio: 2, hidden: 2, folders: 2, ..LeftOut::default() };
    assert_eq!(job.draft().unwrap().left_out(), left_out);
    let file = &job.files()[0];
    assert_eq!((file.size, file.etag.clone()), (5, Some(ETag::new("\"5\""))));
}

#[test]
fn patterns_select_recordings() {
    let mut job = TestJob::new(&["in/a.mp3", "in/drafts/b.wav", "in/raw", "in/x/a.wav"]);
    let source = job.spec.source.s3.as_mut().unwrap();
    (source.include, source.exclude) = (vec!["*.wav".into(), "raw".into()], vec!["drafts/**".into()]);
    assert_eq!(job.pairs(), [pair("in/raw", "out/raw"), pair("in/x/a.wav", "out/x/a")]);
    assert_eq!(job.draft().unwrap().left_out(), LeftOut { excluded: 2, ..LeftOut::default() });
    job.spec.source.s3.as_mut().unwrap().include = vec!["?".repeat(300_000)];
    assert!(matches!(job.draft(), Err(PlanError::Pattern(_))));
}

#[test]
fn layouts() {
    let keys = ["in/a.mp3", "in/drafts/b.wav", "in/x/a.wav"];
    assert_eq!(
        TestJob::new(&keys).layout(Layout::Adjacent).pairs().map_targets(),
        ["in/a", "in/drafts/b", "in/x/a"]
    );
    assert_eq!(
        TestJob::new(&keys).layout(Layout::Flat).pairs().map_targets(),
        ["out/a.mp3", "out/b", "out/a.wav"]
    );
}

trait Targets {
    fn map_targets(self) -> Vec<String>;
}

impl Targets for Vec<(String, String)> {
    fn map_targets(self) -> Vec<String> {
        self.into_iter().map(|(_, target)| target).collect()
    }
}

#[test]
fn names_that_differ_only_in_their_extension_keep_it() {
    let job = TestJob::new(&["in/a.mp3", "in/a.wav", "in/b.wav", "in/c.d.wav", "in/x/a.wav"]);
    assert_eq!(job.pairs().map_targets(), ["out/a.mp3", "out/a.wav", "out/b", "out/c.d", "out/x/a"]);
}

#[test]
fn two_recordings_with_one_transcript_are_refused() {
    let flat = TestJob::new(&["in/x/a.wav", "in/y/a.wav"]).layout(Layout::Flat);
    assert_eq!(
        flat.error(),
        "memory://in/x/a.wav and memory://in/y/a.wav would both be written to memory://out/a.wav.*"
    );
    // b.mp3 keeps its extension because of b.wav, and then collides with b.mp3.ogg without its own.
    let chained = TestJob::new(&["in/b.mp3", "in/b.mp3.ogg", "in/b.wav"]);
    assert!(matches!(chained.draft(), Err(PlanError::Collision { .. })));
}

#[test]
fn a_recording_is_not_overwritten() {
    let mut job = TestJob::new(&["in/sub/b.wav", "in/talk.json"]).layout(Layout::Adjacent);
    job.spec.source.s3.as_mut().unwrap().include = vec!["*".to_owned()];
    assert_eq!(
        job.error(),
        "the transcript of memory://in/talk.json would overwrite the recording memory://in/talk.json"
    );
    job.spec.destination.formats = vec![Format::Txt];
    assert!(job.draft().is_ok());
    let elsewhere = TestJob { spec: job.spec.clone(), ..TestJob::new(&["in/talk.json"]) };
    assert!(elsewhere.layout(Layout::Mirror).draft().is_ok());
    // The transcript of another recording, with the destination inside the source.
    let other = TestJob { to: "in/x/".to_owned(), ..TestJob::new(&[]).keys(&["a.wav", "x/a.json"]) };
    assert_eq!(
        other.error(),
        "the transcript of memory://in/a.wav would overwrite the recording memory://in/x/a.json"
    );
}

#[test]
fn explicit_recordings_may_be_missing() {
    let job = TestJob::new(&["in/x/a.wav", "in/raw"]).keys(&["x/a.wav", "gone.wav", "./raw", "x/./a.wav"]);
    assert_eq!(
        job.pairs(),
        [pair("in/x/a.wav", "out/x/a"), pair("in/gone.wav", "out/gone"), pair("in/raw", "out/raw")]
    );
    let known: Vec<_> = job.files().iter().map(|file| (file.size, file.etag.is_some())).collect();
    assert_eq!(known, [(5, true), (0, false), (5, true)]);
    assert_eq!(job.draft().unwrap().left_out(), LeftOut { twice: 1, ..LeftOut::default() });
    let outside = TestJob::new(&[]).keys(&["a.wav", "../a.wav"]);
    assert_eq!(
        outside.error(),
        "spec.source.keys[1]: \"../a.wav\" leads out of the source: write names from the prefix or the folder on"
    );
}

#[test]
fn a_list_adds_language_channel_and_id() {
    let list =
        "{\"key\": \"a.wav\", \"language\": \"de\", \"channel\": 1, \"id\": \"7\"}\n{\"key\": \"b/\"}\n";
    let job = TestJob::new(&["in/a.wav"]).list("lists/today", list);
    let expected = PlannedFile {
        key: "in/a.wav".to_owned(),
        size: 5,
        etag: Some(ETag::new("\"1\"")),
        target: "out/a".to_owned(),
        existing: BTreeMap::new(),
        language: Some("de".to_owned()),
        id: Some("7".to_owned()),
        channel: Some(1),
    };
    assert_eq!(job.files(), [expected]);
    assert_eq!(job.draft().unwrap().left_out(), LeftOut { folders: 1, ..LeftOut::default() });
    let wrong = TestJob::new(&[]).list("l.csv", "key,channel\na.wav,0\nb.wav,left\n");
    let message = "memory://l.csv, line 3: \"left\" is not a channel number: the first channel is 0";
    assert_eq!(wrong.error(), message);
}

#[test]
fn a_missing_list_is_an_error() {
    let job = TestJob::new(&[]).list("list", "");
    block_on(job.store.delete("list")).unwrap();
    let error = job.draft().unwrap_err();
    assert_eq!(error.to_string(), "spec.source.manifest: failed to read memory://list");
    assert_eq!(error.store().unwrap().kind, ErrorKind::NotFound);
}

#[test]
fn a_long_list_is_compared_with_a_listing() {
    let names: Vec<_> = (0..1500).map(|number| format!("x/{number}.wav")).collect();
    let job = TestJob::new(&["in/a.wav", "in/x/other.wav", "in/y/1.wav"]).list("list", &names.join("\n"));
    for name in names.iter().skip(1) {
        job.write(&format!("in/{name}"), "long sound");
    }
    let progress = Mutex::new(Vec::new());
    let draft = block_on(draft(&job.plan_input(), &|listed| progress.lock().unwrap().push(listed))).unwrap();
    // Only the common prefix of all names is listed: `in/x/` has 1,500 objects.
    assert_eq!(progress.lock().unwrap().last().unwrap(), &Listed { source: 1500, destination: 0 });
    let files: Vec<_> = draft.iter().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1500);
    assert_eq!((files[0].size, files[0].etag.clone()), (0, None));
    assert!(files[1..].iter().all(|file| file.size == 10 && file.etag.is_some()));
    assert_eq!(draft.bytes(), 14_990);
}

#[test]
fn existing_transcripts_are_noted() {
    let mut job = TestJob::new(&["in/a.mp3", "in/a.wav", "in/b.wav"]);
    job.spec.destination.formats = vec![Format::Json, Format::Srt];
    let json = job.write("out/b.json", "{}");
    let srt = job.write("out/b.srt", "1");
    let keep_extension = job.write("out/a.mp3.json", "{}");
    for key in ["out/b.vtt", "out/a.json", "out/c.json", "out/.verbatim/uid/plan.json", "b.json"] {
        job.write(key, "{}");
    }
    let existing: Vec<_> = job.files().into_iter().map(|file| file.existing).collect();
    let expected = [
        BTreeMap::from([(Format::Json, keep_extension)]),
        BTreeMap::new(),
        BTreeMap::from([(Format::Json, json), (Format::Srt, srt)]),
    ];
    assert_eq!(existing, expected);
}

#[test]
fn shards_are_written_and_the_head_is_not() {
    let job = TestJob::new(&[]);
    for number in 0..100 {
        job.write(&format!("in/{number:03}.wav"), vec![0; number * 10_000]);
    }
    let plan = job.make("me").unwrap();
    assert_eq!((plan.version, plan.files, plan.bytes, plan.shards.len()), (VERSION, 100, 49_500_000, 12));
    assert!(!job.store.snapshot().contains_key(&job.ledger().plan_key()));
    assert_eq!(job.shard(&plan, 0)[0].key, "in/099.wav");
    let shards = (0..12).flat_map(|number| job.shard(&plan, number));
    let mut keys: Vec<_> = shards.map(|file| file.key).collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..100).map(|number| format!("in/{number:03}.wav")).collect::<Vec<_>>());
    let again = job.make("you").unwrap();
    assert_eq!(Plan { maker: "me".to_owned(), ..again.clone() }, plan);
    assert_eq!(job.shard(&plan, 7), job.shard(&again, 7));
    assert_eq!(read_plan(&serde_json::to_vec(&plan).unwrap()).unwrap(), plan);
}

#[test]
fn a_plan_without_recordings_has_no_shards() {
    let plan = TestJob::new(&["in/notes.txt"]).make("me").unwrap();
    assert_eq!((plan.files, plan.shards.len(), plan.left_out.not_audio), (0, 0, 1));
}

/// A store that fails in one operation, or returns the same page forever.
#[derive(Debug)]
struct FailingStore(&'static str);

impl FailingStore {
    fn answer<T>(&self, operation: &str, good: T) -> Result<T, StoreError> {
        let denied = StoreError::new(ErrorKind::AccessDenied, "no");
        if self.0 == operation { Err(denied) } else { Ok(good) }
    }

    fn object() -> Object {
        let (key, etag) = ("in/a.wav".to_owned(), ETag::new("1"));
        Object { key, size: 1, etag, modified: None, metadata: Default::default() }
    }
}

#[async_trait::async_trait]
impl ObjectStore for FailingStore {
    async fn head(&self, _: &str) -> Result<Object, StoreError> {
        self.answer("head", Self::object())
    }

    async fn get(&self, _: &str, _: Read) -> Result<Download, StoreError> {
        Err(StoreError::new(ErrorKind::AccessDenied, "no"))
    }

    async fn put(&self, _: &str, _: Put) -> Result<ETag, StoreError> {
        self.answer("put", ETag::new("2"))
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Page, StoreError> {
        self.answer("list", Page { objects: vec![Self::object()], more: self.0 == "circle" })
    }

    fn address(&self, key: &str) -> String {
        format!("broken://{key}")
    }
}

#[test]
fn errors_of_the_store_name_the_object() {
    let location = |fault, prefix: &str| StoreLocation {
        store: Arc::new(FailingStore(fault)),
        prefix: prefix.to_owned(),
    };
    let found = TestJob::new(&[]);
    let named = TestJob::new(&[]).keys(&["a.wav"]);
    let error = |job: &TestJob, fault| {
        let (source, destination) = (location(fault, "in/"), location(fault, "out/"));
        let ledger = Ledger::new(destination.clone(), "uid");
        let input = PlanInput { source, destination, ..job.plan_input() };
        block_on(make(&input, &ledger, "me", &|_| ())).unwrap_err()
    };
    assert_eq!(error(&found, "list").to_string(), "failed to list broken://in/");
    assert_eq!(error(&named, "list").to_string(), "failed to list broken://out/");
    assert_eq!(error(&named, "head").to_string(), "failed to read the metadata of broken://in/a.wav");
    let write = error(&found, "put");
    assert_eq!(write.to_string(), "failed to write broken://out/.verbatim/uid/plan/me/00000.jsonl");
    assert_eq!(write.store().unwrap().kind, ErrorKind::AccessDenied);
    assert_eq!(error(&found, "circle").store().unwrap().kind, ErrorKind::Invalid);
}

#[test]
fn making_a_plan_is_send() {
    fn is_send(_: impl Send) {}
    let job = TestJob::new(&[]);
    is_send(make(&job.plan_input(), &job.ledger(), "me", &|_| ()));
}

proptest! {
    #[test]
    fn each_listed_object_is_planned_once_or_left_out(
        names in prop::collection::btree_set("[ab.]{1,3}(/[ab]{1,2}){0,2}(\\.wav|\\.mp3|\\.txt|/)", 0..60),
    ) {
        let keys: Vec<_> = names.iter().map(|name| format!("in/{name}")).collect();
        let job = TestJob::new(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        let Ok(plan) = job.make("me") else { return Ok(()) };
        let count = u32::try_from(plan.shards.len()).unwrap();
        let files: Vec<_> = (0..count).flat_map(|number| job.shard(&plan, number)).collect();
        let left_out = plan.left_out.not_audio + plan.left_out.hidden + plan.left_out.folders;
        prop_assert_eq!(files.len() as u64 + left_out, keys.len() as u64);
        let distinct = |text: fn(&PlannedFile) -> &String| {
            files.iter().map(text).collect::<std::collections::BTreeSet<_>>().len()
        };
        prop_assert_eq!(distinct(|file| &file.key), files.len());
        prop_assert_eq!(distinct(|file| &file.target), files.len());
        prop_assert!(files.iter().all(|file| keys.contains(&file.key)));
    }
}
