//! Signals: the first ends the run in order, the second ends the process at once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    flag,
};

use crate::commands::exit;

/// What signals this process got.
#[derive(Clone, Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Signals {
    /// Takes over SIGINT and SIGTERM. Call it when there is something to end in order; before, a signal ends the
    /// process as it does any other.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn catch() -> io::Result<Self> {
        let signals = Self { stop: Arc::default(), signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // Runs first, and only does something when an earlier signal has set the flag.
            flag::register_conditional_shutdown(
                signal,
                i32::from(exit::SIGNALLED) + signal,
                Arc::clone(&signals.stop),
            )?;
            flag::register(signal, Arc::clone(&signals.stop))?;
            flag::register_usize(signal, Arc::clone(&signals.signal), signal as usize)?;
        }
        // A limit on the size of files (`ulimit -f`) then is an error of one write, and not the end of the process.
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(signals)
    }

    /// Set when the run is to end.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The same flag, for other threads.
    pub fn shared_stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// The signal's exit code, if there was one.
    pub fn exit_code(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::SeqCst);
        u8::try_from(signal).ok().filter(|signal| *signal > 0).map(|signal| exit::SIGNALLED + signal)
    }
}
