//! `verbatim-operator`.

fn main() {}
