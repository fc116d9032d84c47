//! Front end of the encoder: three convolutions as products over unfolded frames, for one segment or for a
//! batch.

use crate::moonshine::shape::HIDDEN;
use crate::onnx::error::WeightsError;
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::weights::Weights;

/// Samples of a window of the first convolution. Source: the vendor's graph.
const KERNEL: usize = 127;
/// Samples between two windows of the first convolution. Source: the vendor's graph.
pub(super) const STRIDE: usize = 64;
/// Second convolution.
const SECOND: Convolution = Convolution { input: HIDDEN, output: 2 * HIDDEN, kernel: 7, stride: 3 };
/// Third convolution.
const THIRD: Convolution = Convolution { input: 2 * HIDDEN, output: HIDDEN, kernel: 3, stride: 2 };
/// End of a slice that extends to the end (ONNX clamps it).
const END: i64 = i64::MAX;

/// Difference between the graphs for one segment and for a batch.
pub(super) struct Variant {
    /// Axis of the frames: 0 for one segment, 1 for a batch.
    pub(super) axis: i64,
    /// GELU, by the operators that the graph may use.
    pub(super) gelu: fn(&mut Graph, String) -> String,
}

/// Channels in and out, kernel and stride of a convolution.
struct Convolution {
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
}

/// Three convolutions with a group norm: samples to `f32[T,HIDDEN]` or `f32[B,T,HIDDEN]`.
///
/// `rows` are the samples in rows of 64: `f32[R,64]`, or `f32[B,R,64]` for a batch. `norm` adds the group
/// norm without its affine part, which is folded into the second convolution.
pub(super) fn front_end(
    graph: &mut Graph,
    weights: &Weights<'_>,
    rows: &str,
    variant: &Variant,
    norm: impl FnOnce(&mut Graph, &str) -> String,
) -> Result<String, WeightsError> {
    // Windows of 127 samples with a stride of 64 are two adjacent rows of 64, without the last column.
    let first = weights.floats("conv1.weight_add_tensor", HIDDEN * KERNEL)?;
    let mut kernel = vec![0.0; 2 * STRIDE * HIDDEN];
    for (channel, row) in first.chunks_exact(KERNEL).enumerate() {
        for (k, value) in row.iter().enumerate() {
            kernel[k * HIDDEN + channel] = *value;
        }
    }
    let windows = with_next_rows(graph, rows, variant.axis, 1, STRIDE);
    let kernel = graph.floats(&[2 * STRIDE, HIDDEN], &kernel);
    let product = graph.op("MatMul", &[&windows, &kernel]);
    let activated = graph.op("Tanh", &[&product]);
    let normed = norm(graph, &activated);

    let gamma = weights.floats("onnx::Mul_2080", HIDDEN)?;
    let beta = weights.floats("onnx::Add_2081", HIDDEN)?;
    let kernel = weights.floats("conv2.weight_add_tensor", SECOND.output * SECOND.input * SECOND.kernel)?;
    let mut bias = weights.floats("conv2.bias", SECOND.output)?;
    for (bias, kernel) in bias.iter_mut().zip(kernel.chunks_exact(HIDDEN * SECOND.kernel)) {
        let shift: f64 =
            kernel.iter().enumerate().map(|(i, w)| f64::from(*w) * f64::from(beta[i / SECOND.kernel])).sum();
        *bias += shift as f32;
    }
    let second = convolve(graph, variant, &normed, &SECOND, &kernel, &bias, |channel| gamma[channel]);
    let kernel = weights.floats("conv3.weight_add_tensor", THIRD.output * THIRD.input * THIRD.kernel)?;
    let bias = weights.floats("conv3.bias", THIRD.output)?;
    Ok(convolve(graph, variant, &second, &THIRD, &kernel, &bias, |_| 1.0))
}

/// A convolution over rows `[frames, channels]` as one float product, then GELU.
///
/// Float, because one 8-bit scale for the whole tensor reduces accuracy here: the word error rate on the
/// Asterisk prompts is 9.1 % instead of 6.8 %, to save a tenth of the encoder's time.
fn convolve(
    graph: &mut Graph,
    variant: &Variant,
    x: &str,
    shape: &Convolution,
    kernel: &[f32],
    bias: &[f32],
    gain: impl Fn(usize) -> f32,
) -> String {
    // ONNX stores the kernel as [output, input, k]; the product needs [k·input, output].
    let mut matrix = vec![0.0; shape.kernel * shape.input * shape.output];
    for (output, rows) in kernel.chunks_exact(shape.input * shape.kernel).enumerate() {
        for (input, taps) in rows.chunks_exact(shape.kernel).enumerate() {
            for (k, tap) in taps.iter().enumerate() {
                matrix[(k * shape.input + input) * shape.output + output] = tap * gain(input);
            }
        }
    }
    let unfolded = unfold(graph, variant.axis, x, shape);
    let matrix = graph.floats(&[shape.kernel * shape.input, shape.output], &matrix);
    let product = graph.op("MatMul", &[&unfolded, &matrix]);
    let bias = graph.floats(&[shape.output], bias);
    let biased = graph.op("Add", &[&product, &bias]);
    (variant.gelu)(graph, biased)
}

/// Unfolds rows `[frames, channels]` to windows `[(frames - kernel) / stride + 1, kernel·channels]`.
///
/// The length of the audio is such that the division has no remainder.
fn unfold(graph: &mut Graph, axis: i64, x: &str, shape: &Convolution) -> String {
    let whole = shape.kernel / shape.stride;
    // Rows that complete the last group. Their values are in columns that no window reads.
    let (zero, fill) = (graph.ints(&[0]), graph.ints(&[(shape.stride * (whole + 1) - shape.kernel) as i64]));
    let along = if axis == 0 { zero.clone() } else { graph.ints(&[axis]) };
    let filler = graph.op("Slice", &[x, &zero, &fill, &along]);
    let filled = graph.node("", "Concat", &[x.to_owned(), filler], &[("axis", Attribute::Int(axis))]);
    // A dimension of 0 is copied from the input: the batch.
    let mut dims = vec![0; axis as usize];
    dims.extend([-1, (shape.stride * shape.input) as i64]);
    let dims = graph.ints(&dims);
    let groups = graph.op("Reshape", &[&filled, &dims]);
    with_next_rows(graph, &groups, axis, whole, (shape.kernel % shape.stride) * shape.input)
}

/// Each row concatenated with its next `whole` rows, where the last one contributes only its first `rest`
/// columns.
fn with_next_rows(graph: &mut Graph, rows: &str, axis: i64, whole: usize, rest: usize) -> String {
    let mut parts = Vec::new();
    for shift in 0..whole {
        let (start, along) = (graph.ints(&[shift as i64]), graph.ints(&[axis]));
        let end = graph.ints(&[shift as i64 - whole as i64]);
        parts.push(graph.op("Slice", &[rows, &start, &end, &along]));
    }
    let (start, end) = (graph.ints(&[whole as i64, 0]), graph.ints(&[END, rest as i64]));
    let axes = graph.ints(&[axis, axis + 1]);
    parts.push(graph.op("Slice", &[rows, &start, &end, &axes]));
    graph.node("", "Concat", &parts, &[("axis", Attribute::Int(axis + 1))])
}
