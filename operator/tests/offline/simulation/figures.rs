//! Evaluation of a run.

use super::run::Run;

impl Run {
    /// Relative error of the predicted remaining time at this progress. `None` if there was no prediction, or
    /// the job ended between two decisions.
    pub(crate) fn eta_error(&self, progress: f64) -> Option<f64> {
        let step = self.steps.iter().find(|step| step.progress >= progress)?;
        let truth = self.end - step.at;
        step.decision.eta.map(|eta| (eta.as_secs_f64() - truth) / truth)
    }

    /// Prediction at this progress as text, beside the true values.
    pub(crate) fn prediction(&self, progress: f64) -> String {
        let Some(step) = self.steps.iter().find(|step| step.progress >= progress) else {
            return String::new();
        };
        format!(
            "(at {:.0} s: eta {:?}, factor {:?}, {:?} audio seconds left of {:.0}, {} up)",
            step.at,
            step.decision.eta,
            step.decision.real_time_factor,
            step.decision.remaining_audio_seconds,
            self.audio * (1.0 - step.progress),
            step.up,
        )
    }

    /// Number of turns between increase and decrease of workers.
    pub(crate) fn turns(&self) -> usize {
        let numbers: Vec<u32> = self.steps.iter().map(|step| step.decision.workers).collect();
        let ups: Vec<bool> =
            numbers.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair[1] > pair[0]).collect();
        ups.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    pub(crate) fn changes(&self) -> usize {
        self.steps.windows(2).filter(|pair| pair[0].decision.workers != pair[1].decision.workers).count()
    }

    pub(crate) fn most(&self) -> u32 {
        self.steps.iter().map(|step| step.decision.workers).max().unwrap_or(0)
    }
}

/// Quantile of the values.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}
