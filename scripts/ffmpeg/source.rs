//! Only a place for the dependency.
