//! How a file ends: whole, cut, damaged, or pulled away while it was read.

use std::io;

use symphonia::core::errors::Error;

use super::{AudioError, Decoder};

/// A header's length may be off by this part of it, or by a second if that is less, before anyone is warned.
const LENGTH_TOLERANCE: f64 = 0.01;

impl Decoder {
    /// Ends the file, with `cause` if the demuxer could not go on. Gives an error if the file itself failed.
    pub(super) fn finish(&mut self, cause: Option<&Error>) -> Result<(), AudioError> {
        self.ended = true;
        let heard = self.seconds;
        let watch = self.demuxer.watch();
        if let Some(source) = watch.take_error() {
            return Err(AudioError::from_io(source, Some(heard)));
        }
        if watch.ended_early() || self.file.changed() {
            return Err(AudioError::SourceChanged { position: heard });
        }
        let damage = match cause {
            None => None,
            _ if watch.gave_up() => Some("its index goes in circles".to_owned()),
            Some(Error::IoError(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                Some("it ends in the middle".to_owned())
            }
            Some(e) => Some(e.to_string()),
        };
        if let Some(damage) = damage {
            if heard > 0.0 {
                self.warnings.push(format!("damaged: {damage}; {heard:.1} s could be decoded"));
            }
            self.last_problem = Some(damage);
        }
        self.summarise();
        Ok(())
    }

    /// Ends the file after damage that the demuxer did not notice itself. An error if nothing was decoded.
    pub(super) fn stop_damaged(&mut self, error: AudioError) -> Result<(), AudioError> {
        self.ended = true;
        if self.file.changed() {
            return Err(AudioError::SourceChanged { position: self.seconds });
        }
        if self.seconds == 0.0 && self.spec.is_none() {
            return Err(error);
        }
        self.warnings.push(format!("{error}; {:.1} s could be decoded", self.seconds));
        self.summarise();
        Ok(())
    }

    fn summarise(&mut self) {
        match self.bad_packets {
            0 => {}
            1 => self.warnings.push("1 packet could not be decoded".to_owned()),
            n => self.warnings.push(format!("{n} packets could not be decoded")),
        }
        // In a chain of streams the header speaks of the first alone.
        let (Some(spec), Some(promised), 1) = (self.spec, self.demuxer.promised_frames(), self.streams)
        else {
            return;
        };
        let promised = promised as f64 / f64::from(spec.rate);
        let tolerance = (promised * LENGTH_TOLERANCE).clamp(0.1, 1.0);
        if self.seconds > 0.0 && self.seconds + tolerance < promised {
            self.warnings.push(format!(
                "cut in the middle: the header promises {promised:.1} s, {:.1} s could be decoded",
                self.seconds
            ));
        }
    }
}
