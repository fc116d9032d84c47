//! A lane: a thread that takes segments from the pool and runs them through its own sessions, step by step.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::audio::SAMPLE_RATE;
use super::collect::Message;
use super::family::Family;
use super::listen::failure_of;
use super::pipeline::Shared;
use super::pool::Waiting;

/// A segment that the model has.
struct Flying {
    seconds: f64,
    since: Instant,
}

/// A lane's life: segments in, recognitions out, until the pool is done.
pub(super) fn lane(number: usize, family: &mut dyn Family, shared: &Shared<'_>, sender: &Sender<Message>) {
    let mut flying: HashMap<u64, Flying> = HashMap::new();
    let mut files_done = 0;
    let mut rested = true;
    while !shared.over.load(Ordering::Acquire) {
        let budget = shared.controls.max_padded_seconds() / shared.lanes as f64;
        let used: f64 = flying.values().map(|flying| flying.seconds).sum();
        // A step costs nearly the same for one row as for several: wait for half a budget before the first step, and
        // for a quarter when the lane runs low. Whoever listens gets the processor meanwhile; where nobody does, any
        // segment will do.
        let low = match (shared.hearing.load(Ordering::Acquire) > 0, flying.is_empty()) {
            (true, true) => budget / 2.0,
            (true, false) => budget / 4.0 - used,
            (false, true) => f64::MIN_POSITIVE,
            (false, false) => 0.0,
        };
        let taken = shared.pool.take(budget - used, low.max(0.0));
        if taken.is_empty() && flying.is_empty() {
            if shared.pool.is_done() {
                break;
            }
            if !rested && shared.files_open.load(Ordering::Acquire) == 0 {
                // Nobody knows when the next file comes.
                family.rest();
                shared.runtime.trim();
                rested = true;
                shared.controls.set_arena(number, family.arena());
            }
            continue;
        }
        rested = false;
        let computing = Instant::now();
        for waiting in &taken {
            let Waiting { id, samples, since } = waiting;
            shared.controls.taken(waiting.seconds(), since.elapsed());
            // One at a time: a whole budget in the encoder takes seconds, and a signal should not wait for it.
            if shared.over.load(Ordering::Acquire) {
                break;
            }
            match family.admit(&[(*id, samples)]) {
                Ok(()) => {
                    let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE);
                    flying.insert(*id, Flying { seconds, since: computing });
                }
                Err(error) => {
                    let failed = Message::LaneFailed { ids: vec![*id], failure: failure_of(&error) };
                    if sender.send(failed).is_err() {
                        return;
                    }
                }
            }
        }
        let stepped = family.step();
        shared.controls.computed(computing.elapsed());
        shared.controls.padded(family.padding_seconds());
        let sent = match stepped {
            Ok(finished) => finished.into_iter().try_for_each(|(id, recognition)| {
                let since = flying.remove(&id).map_or(computing, |flying| flying.since);
                sender.send(Message::Recognised { id, recognition, since })
            }),
            Err(error) => {
                let ids = flying.drain().map(|(id, _)| id).collect();
                sender.send(Message::LaneFailed { ids, failure: failure_of(&error) })
            }
        };
        if sent.is_err() {
            break;
        }
        let now = shared.files_done.load(Ordering::Acquire);
        if now != files_done {
            files_done = now;
            shared.controls.set_arena(number, family.arena());
            family.shrink();
        }
    }
    family.rest();
}
