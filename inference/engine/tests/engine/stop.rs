//! A run that is stopped ends although its sender of tasks lives.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::unbounded;
use verbatim_fixtures::model;
use verbatim_protocol::event::Event;
use verbatim_protocol::failure::FailureReason;

use crate::loaded::{engine, task};

/// Answers of a run over one recording that is stopped at an event. Each is the reason of its failure, if it
/// failed.
fn answers(stops: fn(&Event) -> bool) -> Vec<Option<FailureReason>> {
    let mut engine = engine(60.0, 2);
    let stop = AtomicBool::new(false);
    let (sender, tasks) = unbounded();
    sender.send(task(0, model::sample("two_cities.wav"))).unwrap();
    let mut answers = Vec::new();
    let mut on_event = |event: Event| {
        if stops(&event) {
            stop.store(true, Ordering::Release);
        }
        match event {
            Event::Begun { .. } | Event::Progress { .. } => {}
            Event::Done { .. } => answers.push(None),
            Event::Failed { failure, .. } => answers.push(Some(failure.reason)),
        }
    };
    engine.transcribe(tasks, &mut on_event, &stop);
    assert!(sender.send(task(1, model::sample("beckett.wav"))).is_err(), "the receiver is dropped");
    answers
}

#[test]
fn an_idle_run_ends_at_a_stop() {
    let is_answer = |event: &Event| matches!(event, Event::Done { .. } | Event::Failed { .. });
    assert_eq!(answers(is_answer), [None]);
}

#[test]
fn a_busy_run_ends_at_a_stop() {
    let is_begin = |event: &Event| matches!(event, Event::Begun { .. });
    assert_eq!(answers(is_begin), [Some(FailureReason::Interrupted)]);
}
