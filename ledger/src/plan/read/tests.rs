use proptest::prelude::*;

use super::super::{LeftOut, Shard};
use super::*;

fn plan() -> Plan {
    Plan {
        version: VERSION,
        maker: "worker-0.a1b2".to_owned(),
        files: 3,
        bytes: 30,
        shards: vec![Shard { files: 2, bytes: 20 }, Shard { files: 1, bytes: 10 }],
        left_out: LeftOut::default(),
    }
}

fn read(plan: &Plan) -> Result<Plan, String> {
    read_plan(&serde_json::to_vec(plan).unwrap()).map_err(|error| error.to_string())
}

fn line(key: &str) -> String {
    format!("{{\"key\":\"{key}\",\"size\":10,\"target\":\"t\"}}\n")
}

#[test]
fn damaged_plans_are_refused() {
    assert_eq!(read(&plan()).unwrap(), plan());
    let sums = "the plan is damaged: its sums differ from those of its shards";
    assert_eq!(read(&Plan { files: 4, ..plan() }).unwrap_err(), sums);
    assert_eq!(read(&Plan { bytes: 0, ..plan() }).unwrap_err(), sums);
    let maker = "the plan is damaged: the maker is \"../x\"";
    assert_eq!(read(&Plan { maker: "../x".to_owned(), ..plan() }).unwrap_err(), maker);
    assert!(read(&Plan { maker: String::new(), ..plan() }).is_err());
    assert!(
        read(&Plan { shards: vec![Shard::default(); MAX_SHARDS + 1], files: 0, bytes: 0, ..plan() }).is_err()
    );
    let many = vec![Shard { files: MAX_FILES + 1, bytes: 30 }];
    assert!(read(&Plan { shards: many, files: MAX_FILES + 1, ..plan() }).is_err());
    assert!(read_plan(b"{").is_err());
}

#[test]
fn another_version_is_not_damage() {
    let error = read_plan(b"{\"version\": 2, \"parts\": []}").unwrap_err();
    assert_eq!(error.to_string(), "the plan has version 2, but this version of verbatim supports version 1");
}

#[test]
fn damaged_shards_are_refused() {
    let good = line("a") + &line("b");
    assert_eq!(read_shard(good.as_bytes()).unwrap().len(), 2);
    assert!(read_shard(b"").unwrap().is_empty());
    let error = |shard: &str| read_shard(shard.as_bytes()).unwrap_err().to_string();
    assert_eq!(error(&good[..good.len() - 1]), "a shard is damaged: its last line is incomplete");
    assert!(error(&(line("a") + "\n")).starts_with("a shard, line 2, is damaged: "));
    assert_eq!(error(&line("")), "a shard, line 1, is damaged: a name is empty");
    assert!(error(&line(&"a".repeat(MAX_TEXT + 1))).contains("a text has more than 8192 bytes"));
    assert!(error(&line("a").repeat(10_001)).contains("at most 10000 recordings"));
}

#[test]
fn a_shard_is_checked_against_the_head() {
    let error =
        |number, shard: &str| read_shard_of(&plan(), number, shard.as_bytes()).unwrap_err().to_string();
    let both = line("a") + &line("b");
    assert_eq!(read_shard_of(&plan(), 0, both.as_bytes()).unwrap().len(), 2);
    assert_eq!(error(0, &line("a")), "shard 0 is damaged: its recordings are not those of the plan");
    assert_eq!(error(1, &both), "shard 1 is damaged: its recordings are not those of the plan");
    assert_eq!(error(2, &both), "shard 2 is damaged: the plan has no such shard");
}

proptest! {
    #[test]
    fn no_input_causes_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..200_usize) {
        let _ = (read_plan(&bytes), read_shard(&bytes));
        let mut nearly = serde_json::to_vec(&plan()).unwrap();
        let at = at % nearly.len();
        nearly.truncate(at);
        prop_assert!(read_plan(&nearly).is_err());
        nearly.extend(&bytes);
        let _ = read_plan(&nearly);
    }
}
