//! The first signal sets the stop flag. A signal reaches the whole process, so the test has one of its own.

use std::sync::atomic::Ordering;

use signal_hook::{consts::SIGTERM, low_level::raise};
use verbatim::signals::Signals;
use verbatim_fixtures::own_process::is_own_process;

#[test]
fn the_first_signal_sets_the_flag_and_the_exit_code() {
    if !is_own_process("signals::the_first_signal_sets_the_flag_and_the_exit_code") {
        return;
    }
    let signals = Signals::catch().unwrap();
    assert_eq!((signals.stop().load(Ordering::SeqCst), signals.exit_code()), (false, None));
    raise(SIGTERM).unwrap();
    assert_eq!((signals.stop().load(Ordering::SeqCst), signals.exit_code()), (true, Some(143)));
}
