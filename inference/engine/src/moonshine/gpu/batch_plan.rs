//! Batches on a GPU: which utterances share one, and its padded shape. Pure.
//!
//! ONNX Runtime keeps plans and memory for each shape, so shapes are rounded to few different ones. Padding
//! does not affect results (see `verbatim_models::moonshine`, `gpu/encoder.rs`); it only costs time.

/// Step of padded lengths in frames: 1.5 s, which gives ten shapes up to 15 s. On average, half a step (0.8
/// s) is added to the longest utterance of a batch.
const FRAME_STEP: usize = 64;

/// Frames of a batch whose longest utterance has `longest`, at most `most`.
pub(super) fn padded_frames(longest: usize, most: usize) -> usize {
    longest.next_multiple_of(FRAME_STEP).min(most).max(longest)
}

/// Rows of a batch of `count` utterances: a power of two, so that a batch passes through few shapes while its
/// rows finish. A step costs nearly the same for one row as for several, so empty rows are cheap.
pub(super) fn padded_rows(count: usize) -> usize {
    count.next_power_of_two()
}

/// Splits utterances with these lengths in frames into batches of up to `max_frames`, with each row counted
/// as long as the longest. Returns indexes, longest first. An utterance longer than `max_frames` is a batch
/// of its own.
pub(super) fn split(lengths: &[usize], max_frames: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    // Utterances of similar length share a batch, which keeps padding small.
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match batches.last_mut() {
            Some(batch) if padded_rows(batch.len() + 1) * lengths[batch[0]] <= max_frames => {
                batch.push(index)
            }
            _ => batches.push(vec![index]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_few() {
        assert_eq!([1, 64, 65, 624].map(|n| padded_frames(n, 1024)), [64, 64, 128, 640]);
        assert_eq!((padded_frames(1000, 1010), padded_frames(1020, 1010)), (1010, 1020));
        assert_eq!([1, 2, 3, 9, 16].map(padded_rows), [1, 2, 4, 16, 16]);
    }

    #[test]
    fn a_batch_keeps_its_limit_and_holds_utterances_of_similar_length() {
        assert_eq!(split(&[10, 40, 20, 41, 11], 82), [vec![3, 1], vec![2, 4, 0]]);
        assert_eq!(split(&[100, 5], 50), [vec![0], vec![1]]);
        // Sixteen segments of 15 s fill the default budget of 240 s.
        assert_eq!(split(&[624; 17], 10_000).iter().map(Vec::len).collect::<Vec<_>>(), [16, 1]);
        assert!(split(&[], 10).is_empty());
    }
}
