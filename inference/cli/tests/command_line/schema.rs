//! The committed JSON schema matches the types. To update it: `verbatim schema >
//! docs/transcript.schema.json`.

#[test]
fn the_committed_schema_is_current() {
    let committed = include_str!("../../../../docs/transcript.schema.json");
    assert_eq!(committed, verbatim::commands::schema::schema_text().unwrap());
}
