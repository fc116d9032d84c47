//! Standard error: lines for people or objects of JSON, beside a progress bar that has to make way for them.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use verbatim_protocol::environment::LOG_VARIABLE;

use crate::commands::args::{LogFormat, Telling};

/// How often the bar is drawn while nothing happens: its clock and memory go on.
const TICK: Duration = Duration::from_millis(500);

/// Standard error.
#[derive(Clone, Debug)]
pub struct Say {
    quiet: bool,
    json: bool,
    bar: ProgressBar,
}

impl Say {
    /// Takes standard error for the process: sets up the log, and the bar where there is a terminal.
    pub fn new(telling: &Telling) -> Self {
        let json = telling.log_format == LogFormat::Json;
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let say = Self { quiet: telling.quiet, json, bar };
        say.set_up_log();
        say
    }

    fn set_up_log(&self) {
        // In JSON everything that is said is an event of ours; for people it is said in lines, and the log has what
        // libraries have to say. The decoders name no file: what they survive is told with the file, as its warning.
        let usual = match (self.json, self.quiet) {
            (true, false) => "warn,symphonia=error,aws_config=error,verbatim=info,verbatim_ledger=info",
            (false, false) => "warn,symphonia=error,aws_config=error",
            (_, true) => "error",
        };
        let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(usual));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(self.clone());
        // A second log in one process (tests) is refused, and the first goes on.
        let _ = if self.json {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        } else {
            log.with_ansi(false).without_time().try_init()
        };
    }

    /// Whether what is said is JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only errors are said.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Shows the bar, if there is a terminal to show it on. Tells whether it is shown.
    pub fn show_bar(&self) -> bool {
        let shown = !self.quiet && !self.json && io::stderr().is_terminal();
        if shown {
            // The template is a constant, and right.
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {msg}") {
                self.bar.set_style(style);
            }
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(TICK);
        }
        shown
    }

    /// Sets the bar to a share from 0 to 1, and its text.
    pub fn set_bar(&self, share: f64, message: String) {
        const STEPS: u64 = 1000;
        self.bar.set_length(STEPS);
        self.bar.set_position((share * STEPS as f64) as u64);
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub fn clear_bar(&self) {
        self.bar.finish_and_clear();
    }

    /// Says something that a person or a program may want to know, unless it is quiet.
    pub fn note(&self, text: &str) {
        if self.json {
            tracing::info!("{text}");
        } else {
            self.line(text);
        }
    }

    /// Says a line for people, unless it is quiet.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.force(text);
        }
    }

    /// Says a line for people, also when it is quiet.
    pub fn force(&self, text: &str) {
        self.bar.suspend(|| {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{text}");
        });
    }

    /// Says why a command did not begin.
    pub fn error(&self, text: &str) {
        if self.json {
            tracing::error!("{text}");
        } else {
            self.force(&format!("error: {text}"));
        }
    }

    /// Writes to standard output, with the bar out of the way.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn print(&self, bytes: &[u8]) -> io::Result<()> {
        self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        })
    }
}

/// The log's lines go the same way.
impl Write for Say {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Say {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
