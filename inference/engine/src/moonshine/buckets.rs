//! Which utterances share a batch on a GPU, and to what shape it is padded. Pure.
//!
//! ONNX Runtime keeps plans and memory for each shape that it meets, so shapes are rounded: few of them come, and they
//! come again. Padding does not reach a result (see `prepare::encoder_batch`); it costs time only.

/// Frames are rounded up to a multiple of this: 1.5 s, ten shapes up to 15 s. Half of it, 0.8 s, is padded on average
/// beyond what the longest of a batch needs.
const FRAMES: usize = 64;

/// Frames of a batch whose longest utterance has `longest`, at most `most`.
pub(super) fn frames(longest: usize, most: usize) -> usize {
    longest.next_multiple_of(FRAMES).min(most).max(longest)
}

/// Rows of a batch of `count` utterances: a power of two, so that a batch which empties meets few shapes on its way
/// down. A step costs nearly the same for one row as for several, so empty rows are cheap.
pub(super) fn rows(count: usize) -> usize {
    count.next_power_of_two()
}

/// Utterances of these lengths in frames, in batches of up to `room` frames, each row counted as long as the longest:
/// indexes, longest first. An utterance that is longer than the room is a batch of its own.
pub(super) fn batches(lengths: &[usize], room: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    // Neighbours in length share a batch, so that little is padded.
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match batches.last_mut() {
            Some(batch) if rows(batch.len() + 1) * lengths[batch[0]] <= room => batch.push(index),
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
        assert_eq!([1, 64, 65, 624].map(|n| frames(n, 1024)), [64, 64, 128, 640]);
        assert_eq!((frames(1000, 1010), frames(1020, 1010)), (1010, 1020));
        assert_eq!([1, 2, 3, 9, 16].map(rows), [1, 2, 4, 16, 16]);
    }

    #[test]
    fn a_batch_keeps_to_its_room_and_holds_neighbours_in_length() {
        assert_eq!(batches(&[10, 40, 20, 41, 11], 82), [vec![3, 1], vec![2, 4, 0]]);
        assert_eq!(batches(&[100, 5], 50), [vec![0], vec![1]]);
        // Sixteen segments of 15 s fill the usual budget of 240 s exactly.
        assert_eq!(batches(&[624; 17], 10_000).iter().map(Vec::len).collect::<Vec<_>>(), [16, 1]);
        assert!(batches(&[], 10).is_empty());
    }
}
