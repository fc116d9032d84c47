//! The first signal sets the stop flag. A signal reaches the whole process, so the test raises it in a child
//! process.

use std::process::Command;
use std::sync::atomic::Ordering;

use signal_hook::{consts::SIGTERM, low_level::raise};
use verbatim::signals::Signals;

/// Environment variable that marks the child process.
const CHILD: &str = "VERBATIM_TEST_SIGNALS_CHILD";

#[test]
fn the_first_signal_sets_the_flag_and_the_exit_code() {
    if std::env::var_os(CHILD).is_none() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signals::the_first_signal_sets_the_flag_and_the_exit_code", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && output.contains("1 passed"), "{output}");
        return;
    }
    let signals = Signals::catch().unwrap();
    assert_eq!((signals.stop().load(Ordering::SeqCst), signals.exit_code()), (false, None));
    raise(SIGTERM).unwrap();
    assert_eq!((signals.stop().load(Ordering::SeqCst), signals.exit_code()), (true, Some(143)));
}
