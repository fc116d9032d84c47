//! The first signal ends a run in order. A test of its own process: a signal reaches all of it.

use std::sync::atomic::Ordering;

use signal_hook::{consts::SIGTERM, low_level::raise};
use verbatim::cli::signals::Signals;

#[test]
fn the_first_signal_sets_the_flag_and_the_exit_code() {
    let signals = Signals::catch().unwrap();
    assert_eq!((signals.stop().load(Ordering::SeqCst), signals.exit_code()), (false, None));
    raise(SIGTERM).unwrap();
    assert_eq!((signals.stop().load(Ordering::SeqCst), signals.exit_code()), (true, Some(143)));
}
