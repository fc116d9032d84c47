//! Greedy choice of the next token, and detection of repetition loops.

use crate::moonshine::math;

/// Most likely token that does not repeat a run of `no_repeat` tokens, and the natural logarithm of its
/// probability.
pub(super) fn choose(logits: &[f32], tokens: &[u32], no_repeat: usize) -> (u32, f32) {
    let (at, logprob) = math::greedy(logits);
    let banned = followers(tokens, no_repeat);
    if !banned.contains(&(at as u32)) {
        return (at as u32, logprob);
    }
    let best = (0..logits.len() as u32)
        .filter(|token| !banned.contains(token))
        .fold(None, |best: Option<u32>, token| match best {
            Some(best) if logits[best as usize] >= logits[token as usize] => Some(best),
            _ => Some(token),
        })
        .unwrap_or(at as u32);
    (best, logprob + logits[best as usize] - logits[at])
}

/// Tokens that followed an earlier occurrence of the last `run - 1` tokens.
fn followers(tokens: &[u32], run: usize) -> Vec<u32> {
    if run == 0 || tokens.len() < run {
        return Vec::new();
    }
    let tail = &tokens[tokens.len() + 1 - run..];
    tokens.windows(run).filter(|w| &w[..run - 1] == tail).map(|w| w[run - 1]).collect()
}

/// Whether `tokens` end with a loop, which the model does not leave by itself: a phrase of up to 8 tokens,
/// repeated at least 4 times and over at least 8 tokens.
///
/// People say a word four times ("no, no, no, no"), but rarely go on for more than eight tokens without a
/// change.
pub(super) fn is_loop(tokens: &[u32]) -> bool {
    (1..=8).any(|period| {
        let needed = (4 * period).max(8);
        tokens.len() >= needed && {
            let tail = &tokens[tokens.len() - needed..];
            tail[period..] == tail[..needed - period]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_detected_and_speech_is_not() {
        assert!(is_loop(&[9, 1, 1, 1, 1, 1, 1, 1, 1]));
        assert!(is_loop(&[9, 1, 2, 1, 2, 1, 2, 1, 2]));
        assert!(is_loop(&[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]));
        assert!(!is_loop(&[1, 1, 1, 1, 1, 1, 1]));
        assert!(!is_loop(&[1, 2, 3, 1, 2, 3, 1, 2, 3]));
        assert!(!is_loop(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
        assert!(!is_loop(&[]));
    }

    #[test]
    fn a_repeated_run_is_avoided_by_the_next_best_token() {
        let logits = [0.0, 3.0, 2.0, 1.0];
        assert_eq!(choose(&logits, &[2, 1, 2], 0).0, 1);
        // "2 1" came before: after "2", token 1 would repeat it.
        assert_eq!(choose(&logits, &[2, 1, 2], 2).0, 2);
        let (_, logprob) = choose(&logits, &[2, 1, 2], 2);
        let sum: f32 = logits.iter().map(|l| l.exp()).sum();
        assert!((logprob - (2.0 - sum.ln())).abs() < 1e-5);
    }
}
