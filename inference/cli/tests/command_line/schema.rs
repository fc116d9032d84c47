//! The committed JSON schema is the one that the types have. To make it again: `verbatim schema >
//! docs/transcript.schema.json`.

#[test]
fn the_committed_schema_is_up_to_date() {
    let committed = include_str!("../../../../docs/transcript.schema.json");
    assert_eq!(committed, verbatim::commands::schema::schema_text().unwrap());
}
