//! The claim protocol, explored exhaustively: workers run the real state machine over a model of store and
//! network with all their faults. Mutations of the protocol prove that the checker finds faults.

mod model;

use stateright::{Checker, HasDiscoveries, Model};

use self::model::{Claims, Mutation};

/// Explores everything, or until a property fails. Returns the names of the failed properties.
fn explore(claims: Claims) -> Vec<&'static str> {
    let properties: Vec<_> = claims.properties().iter().map(|property| property.name).collect();
    // Depth first keeps the queue of unexplored states small.
    let checker = claims.checker().finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    let wrong = properties.into_iter().filter(|name| {
        let property = checker.model().property(name);
        let found = checker.discovery(name).is_some();
        // An "always" property fails if it has a counterexample.
        found && property.expectation.discovery_is_failure()
    });
    wrong.collect()
}

/// All properties hold in this model.
fn holds(claims: Claims) {
    let shown = format!("{claims:?}");
    let checker = claims.checker().spawn_dfs().join();
    println!("{} states in {shown}", checker.unique_state_count());
    checker.assert_properties();
}

/// The checker finds the mutation.
fn breaks(mutation: Mutation, property: &str) {
    let wrong = explore(Claims { mutation: Some(mutation), ..Claims::two_workers() });
    assert!(wrong.contains(&property), "{mutation:?} was not caught: {wrong:?}");
}

#[test]
fn two_workers_with_two_files() {
    holds(Claims::two_workers());
}

#[test]
fn two_workers_that_renew_and_give_back() {
    holds(Claims { losses: 0, renewals: 1, releases: 1, ..Claims::two_workers() });
}

#[test]
fn three_workers() {
    holds(Claims { workers: 3, files: 1, crashes: 2, losses: 0, ..Claims::two_workers() });
}

#[test]
fn three_workers_over_a_lossy_network() {
    holds(Claims { workers: 3, files: 1, ..Claims::two_workers() });
}

#[test]
fn a_take_over_without_if_match_is_caught() {
    breaks(Mutation::TakeOverWithoutIfMatch, "no finished file and no attempt is forgotten");
}

#[test]
fn a_claim_without_condition_is_caught() {
    breaks(Mutation::ClaimWithoutCondition, "each epoch has one owner");
}

#[test]
fn a_commit_without_condition_is_caught() {
    breaks(Mutation::CommitWithoutCondition, "no transcript is overwritten");
}

#[test]
fn a_record_without_condition_is_caught() {
    breaks(Mutation::RecordWithoutCondition, "outcomes are written once");
}
