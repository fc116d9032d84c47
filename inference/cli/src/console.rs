//! The terminal: lines for people or JSON objects on standard error, a progress bar that makes way for them,
//! and standard output.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use verbatim_protocol::environment::LOG_VARIABLE;

use crate::args::{LogFormat, OutputArgs};

/// Interval at which the bar is redrawn while nothing happens, so that its clock and memory stay current.
const TICK: Duration = Duration::from_millis(500);

/// Standard error and standard output of the process.
#[derive(Clone, Debug)]
pub struct Console {
    quiet: bool,
    json: bool,
    bar: ProgressBar,
}

impl Console {
    /// Takes standard error for the process and sets up the log. The bar stays hidden until
    /// [`Self::show_bar`].
    pub fn new(args: &OutputArgs) -> Self {
        let json = args.log_format == LogFormat::Json;
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let console = Self { quiet: args.quiet, json, bar };
        console.set_up_log();
        console
    }

    fn set_up_log(&self) {
        // In JSON, every message of ours is a log event. In text, our messages are lines, and the log holds
        // what libraries report. The decoders name no file; a recording's recoverable faults are reported
        // with the file, as its warnings.
        let default = match (self.json, self.quiet) {
            (true, false) => "warn,aws_config=error,verbatim=info,verbatim_ledger=info",
            (false, false) => "warn,aws_config=error",
            (_, true) => "error",
        };
        let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(self.clone());
        // A second log in one process (tests) is refused; the first stays.
        let _ = if self.json {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        } else {
            log.with_ansi(false).without_time().try_init()
        };
    }

    /// Whether messages are JSON objects.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Shows the bar if standard error is a terminal. Returns whether the bar is visible.
    pub fn show_bar(&self) -> bool {
        let visible = !self.quiet && !self.json && io::stderr().is_terminal();
        if visible {
            // The template is a valid constant.
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {msg}") {
                self.bar.set_style(style);
            }
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(TICK);
        }
        visible
    }

    /// Sets the bar to a fraction from 0 to 1, and its text.
    pub fn set_bar(&self, fraction: f64, message: String) {
        const STEPS: u64 = 1000;
        self.bar.set_length(STEPS);
        self.bar.set_position((fraction * STEPS as f64) as u64);
        self.bar.set_message(message);
    }

    /// Removes the bar.
    pub fn clear_bar(&self) {
        self.bar.finish_and_clear();
    }

    /// Writes a message for people or programs, unless quiet.
    pub fn note(&self, text: &str) {
        if self.json {
            tracing::info!("{text}");
        } else {
            self.line(text);
        }
    }

    /// Writes a line for people, unless quiet.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.always_line(text);
        }
    }

    /// Writes a line for people, even when quiet.
    pub fn always_line(&self, text: &str) {
        self.bar.suspend(|| {
            // A closed standard error leaves nobody to report to.
            let _ = writeln!(io::stderr().lock(), "{text}");
        });
    }

    /// Writes the error that ended a command.
    pub fn error(&self, text: &str) {
        if self.json {
            tracing::error!("{text}");
        } else {
            self.always_line(&format!("error: {text}"));
        }
    }

    /// Writes text to standard output, as far as it is open.
    pub fn print(&self, text: &str) {
        // A closed standard output leaves nobody to print for.
        let _ = self.write_stdout(text.as_bytes());
    }

    /// Writes bytes to standard output, with the bar out of the way.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn write_stdout(&self, bytes: &[u8]) -> io::Result<()> {
        self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        })
    }
}

/// Destination of the log's lines.
impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Console {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
