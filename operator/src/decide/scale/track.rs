//! What one worker did: pieces of time that begin and end where its counter moved, so that no part of a recording in
//! flight is counted. Takes its samples.

use std::collections::VecDeque;

use super::WorkerSample;

/// Seconds for which pieces are kept, and the longest that one may stand for: an hour.
pub(super) const KEPT: f64 = 3600.0;
/// Seconds after which a worker that is not heard of counts as gone: some scrapes of half a minute may fail.
pub(super) const UNHEARD: f64 = 90.0;
/// Seconds of being ready from which a worker's whole life is a measure, though no recording ended just now: what is wrong
/// with it is made good when the next one ends.
const GROWN: f64 = 120.0;
/// Audio seconds a second that no worker does: ten times what the fastest GPU of docs/gpu.md might.
const ABSURD: f64 = 50_000.0;
/// Moves of its counter that a whole life stands for.
const MOVES_OF_A_LIFE: usize = 4;
/// Seconds by which the time since it was ready may go back: clocks of two machines.
const CLOCKS: f64 = 5.0;

/// Work between two moves of a counter.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// When it ended, in seconds.
    at: f64,
    /// Its length, in seconds.
    seconds: f64,
    /// Audio in it, in seconds.
    audio: f64,
    /// Moves of the counter that it stands for.
    moves: usize,
}

/// Sums of a worker's pieces of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) moves: usize,
    pub(super) seconds: f64,
    pub(super) audio: f64,
    /// Length of the longest one, in seconds.
    pub(super) longest: f64,
}

/// One worker.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// Until when its time is in pieces, in seconds.
    booked: f64,
    /// Its counter then.
    counter: f64,
    /// When it was heard of last.
    heard: f64,
    /// Its time since it was ready, then.
    up: f64,
    pieces: VecDeque<Piece>,
    sums: Sums,
}

impl Track {
    /// A worker that is seen for the first time; none when its figures make no sense.
    pub(super) fn new(now: f64, sample: &WorkerSample) -> Option<Self> {
        let counter = sane(sample.audio_seconds)?;
        let mut track = Self {
            booked: now,
            counter,
            heard: now,
            up: 0.0,
            pieces: VecDeque::new(),
            sums: Sums::default(),
        };
        track.begin(now, counter, sample.up.as_secs_f64());
        Some(track)
    }

    /// Takes the next sample; one that makes no sense is as none.
    pub(super) fn look(&mut self, now: f64, sample: &WorkerSample) {
        let Some(counter) = sane(sample.audio_seconds) else { return };
        let up = sample.up.as_secs_f64();
        if up + CLOCKS < self.up {
            self.begin(now, counter, up);
            return;
        }
        if counter < self.counter {
            // The same process, so its counter lies: what it told before is worth nothing either.
            self.pieces.clear();
            (self.booked, self.counter, self.heard, self.up) = (now, counter, now, up);
            return;
        }
        (self.heard, self.up) = (now, up);
        let (seconds, audio) = (now - self.booked, counter - self.counter);
        if audio <= 0.0 || seconds <= 0.0 {
            return;
        }
        (self.booked, self.counter) = (now, counter);
        if audio <= ABSURD * seconds {
            self.book(now, seconds, audio, 1);
        }
    }

    /// Forgets what is too old.
    pub(super) fn forget(&mut self, now: f64) {
        while self.pieces.front().is_some_and(|piece| piece.at < now - KEPT) {
            self.pieces.pop_front();
        }
    }

    /// When its pieces ended, in seconds, the last one first; as many times as each has moves.
    pub(super) fn moves(&self) -> impl Iterator<Item = f64> + '_ {
        self.pieces.iter().rev().flat_map(|piece| std::iter::repeat_n(piece.at, piece.moves))
    }

    /// Adds up the pieces that ended since then.
    pub(super) fn add_up(&mut self, since: f64) {
        let lately = self.pieces.iter().rev().take_while(|piece| piece.at >= since);
        self.sums = lately.fold(Sums::default(), |sums, piece| Sums {
            moves: sums.moves + piece.moves,
            seconds: sums.seconds + piece.seconds,
            audio: sums.audio + piece.audio,
            longest: if piece.moves == 1 { sums.longest.max(piece.seconds) } else { sums.longest },
        });
    }

    pub(super) fn heard_of(&self, now: f64) -> bool {
        now - self.heard <= UNHEARD
    }

    pub(super) fn is_over(&self, now: f64) -> bool {
        !self.heard_of(now) && self.pieces.is_empty()
    }

    pub(super) fn sums(&self) -> Sums {
        self.sums
    }

    /// Seconds since it was ready.
    pub(super) fn up(&self, now: f64) -> f64 {
        self.up + (now - self.heard)
    }

    /// Seconds since its counter moved; none once it is gone.
    pub(super) fn pending(&self, now: f64) -> f64 {
        if self.heard_of(now) { (now - self.booked).max(0.0) } else { 0.0 }
    }

    /// A process that was not seen before. Its whole life is a piece if it is long.
    fn begin(&mut self, now: f64, counter: f64, up: f64) {
        (self.heard, self.up) = (now, up);
        if up >= GROWN && counter > 0.0 {
            (self.booked, self.counter) = (now, counter);
            if counter <= ABSURD * up {
                self.book(now, up, counter, MOVES_OF_A_LIFE);
            }
        } else {
            // What it did is booked when its counter moves next, from when it was ready.
            (self.booked, self.counter) = (now - up, 0.0);
            if counter > ABSURD * up.max(1.0) {
                (self.booked, self.counter) = (now, counter);
            }
        }
    }

    fn book(&mut self, at: f64, seconds: f64, audio: f64, moves: usize) {
        let share = (KEPT / seconds).min(1.0);
        self.pieces.push_back(Piece { at, seconds: seconds * share, audio: audio * share, moves });
    }
}

fn sane(counter: f64) -> Option<f64> {
    (counter.is_finite() && counter >= 0.0).then_some(counter)
}
