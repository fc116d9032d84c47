//! Signals: the first one shuts the run down gracefully, the second one ends the process at once.

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

use crate::exit;

/// The stop flag that signals set, and the number of the last signal.
#[derive(Clone, Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Signals {
    /// Takes over SIGINT and SIGTERM. Called when there is work to shut down; until then a signal ends the
    /// process, as it does any other.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn catch() -> io::Result<Self> {
        let signals = Self { stop: Arc::default(), signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // Runs first, and acts only if an earlier signal has set the flag.
            flag::register_conditional_shutdown(
                signal,
                i32::from(exit::SIGNALLED) + signal,
                Arc::clone(&signals.stop),
            )?;
            flag::register(signal, Arc::clone(&signals.stop))?;
            flag::register_usize(signal, Arc::clone(&signals.signal), signal as usize)?;
        }
        // With a handler, a limit on file size (`ulimit -f`) makes one write fail instead of ending the
        // process.
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(signals)
    }

    /// Flag that is set once the run has to stop.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The stop flag, for other threads.
    pub fn shared_stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Exit code of the signal that arrived, if any.
    pub fn exit_code(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::SeqCst);
        u8::try_from(signal).ok().filter(|signal| *signal > 0).map(|signal| exit::SIGNALLED + signal)
    }
}
