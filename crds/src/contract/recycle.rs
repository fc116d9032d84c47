//! Reasons for replacing an engine: one closed list for metric labels, events, reports and the job's status.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::failure::FailureReason;

/// Reason for replacing an engine. The name is stable: metric labels, events and reports carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum RecycleReason {
    /// Host memory passed the soft limit.
    Memory,
    /// GPU memory passed the soft limit.
    GpuMemory,
    /// Host memory grew faster than allowed.
    Growth,
    /// The engine processed its number of files.
    MaxFiles,
    /// Host or GPU memory passed the hard limit or ran out: the supervisor or the kernel killed the engine,
    /// or it gave up.
    OutOfMemory,
    /// The engine made no progress for longer than its files can need, and was killed.
    Wedged,
    /// The engine broke the protocol, and was killed.
    Protocol,
    /// The engine ended by a signal or an exit code of its own.
    Crash,
}

/// Text that names no [`RecycleReason`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a reason for replacing an engine")]
pub struct UnknownRecycleReason(String);

impl RecycleReason {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::GpuMemory,
        Self::Growth,
        Self::MaxFiles,
        Self::OutOfMemory,
        Self::Wedged,
        Self::Protocol,
        Self::Crash,
    ];

    /// The reason as metric labels, events and reports carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "Memory",
            Self::GpuMemory => "GpuMemory",
            Self::Growth => "Growth",
            Self::MaxFiles => "MaxFiles",
            Self::OutOfMemory => "OutOfMemory",
            Self::Wedged => "Wedged",
            Self::Protocol => "Protocol",
            Self::Crash => "Crash",
        }
    }

    /// Whether the engine finishes its files in flight; otherwise they are suspects.
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Memory | Self::GpuMemory | Self::Growth | Self::MaxFiles)
    }

    /// The failure of a file that did this to engines too often.
    pub fn failure(self) -> FailureReason {
        match self {
            Self::OutOfMemory => FailureReason::OutOfMemory,
            Self::Wedged => FailureReason::Wedged,
            _ => FailureReason::EngineCrashed,
        }
    }
}

impl fmt::Display for RecycleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RecycleReason {
    type Err = UnknownRecycleReason;

    fn from_str(text: &str) -> Result<Self, UnknownRecycleReason> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or_else(|| UnknownRecycleReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for reason in RecycleReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!("memory".parse::<RecycleReason>(), Err(UnknownRecycleReason("memory".into())));
    }
}
