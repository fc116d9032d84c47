//! Graph of the encoder for a batch on a GPU: padded audio in, keys and values of the decoder's cross
//! attention out.
//!
//! Padding does not affect results: the group norm averages over the frames of each row without its padding,
//! attention gives padding no weight, and everything else works frame by frame.

use crate::moonshine::front_end::{STRIDE, Variant, front_end};
use crate::moonshine::gpu::float_ops::{
    MASKED, attention, gelu, product, rotary_tables, rotate, split_heads,
};
use crate::moonshine::rotary::quarter_turn;
use crate::moonshine::shape::{HEAD, HEADS, HIDDEN, INNER, LAYERS};
use crate::onnx::error::WeightsError;
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::layers::layer_norm;
use crate::onnx::proto::{FLOAT, INT64};
use crate::onnx::quantised::Quantised;
use crate::onnx::weights::Weights;

/// Positions in the rotary tables, and thus maximum frames of a batch: 24 s of audio. The longest segment has
/// 15 s.
pub const POSITIONS: usize = 1024;
/// Frames between the first and the second convolution: 6 for each frame of the encoder, plus 7.
const INNER_FRAMES: [i64; 2] = [6, 7];

/// Builds the graph `samples f32[B,S], frames i64[B] -> cross_k.l f32[B,HEADS,HEAD,T], cross_v.l
/// f32[B,HEADS,T,HEAD], cross_bias f32[B,1,1,T]` for each layer `l` of the decoder; S = 896 + 384 k, T = k +
/// 1.
///
/// `frames` is the number of frames of each row without padding, out of T.
pub(crate) fn build(encoder: &Weights<'_>, decoder: &Weights<'_>) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("encoder_batch");
    graph.input("samples", FLOAT, &["B", "S"]);
    graph.input("frames", INT64, &["B"]);
    let columns = graph.ints(&[1]);
    let frames = graph.op("Unsqueeze", &["frames", &columns]);

    let shape = graph.ints(&[0, -1, STRIDE as i64]);
    let rows = graph.op("Reshape", &["samples", &shape]);
    let norm = |graph: &mut Graph, x: &str| group_norm(graph, x, &frames);
    let mut x = front_end(&mut graph, encoder, &rows, &Variant { axis: 1, gelu }, norm)?;

    let unpadded = first_frames(&mut graph, &x, &frames);
    let (zero, masked) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[MASKED]));
    let bias = graph.op("Where", &[&unpadded, &zero, &masked]);
    let axes = graph.ints(&[1, 2]);
    graph.named("", "Unsqueeze", &[bias, axes], &["cross_bias".to_owned()], &[]);

    let tables = rotary_tables(&mut graph, POSITIONS);
    let (from, along, length) = (graph.ints(&[0]), graph.ints(&[0]), length(&mut graph, &x));
    let tables = tables.map(|table| graph.op("Slice", &[&table, &from, &length, &along]));
    for layer in 0..LAYERS {
        x = block(&mut graph, encoder, layer, &x, &tables)?;
    }
    let hidden = layer_norm(&mut graph, &x, &encoder.floats("layer_norm.weight", HIDDEN)?);
    for layer in 0..LAYERS {
        for part in ["k", "v"] {
            let name = format!("/model/decoder/layers.{layer}/encoder_attn/{part}_proj/MatMul_output_0");
            let cross = product(&mut graph, &hidden, &decoder.product(&name)?, None);
            split_heads(&mut graph, &cross, part == "k", Some(format!("cross_{part}.{layer}")));
        }
    }
    let (heads, head) = (HEADS.to_string(), HEAD.to_string());
    graph.output("cross_bias", FLOAT, &["B", "1", "1", "T"]);
    for layer in 0..LAYERS {
        graph.output(&format!("cross_k.{layer}"), FLOAT, &["B", &heads, &head, "T"]);
        graph.output(&format!("cross_v.{layer}"), FLOAT, &["B", &heads, "T", &head]);
    }
    Ok(graph.encode())
}

/// Number of frames of `x [B,frames,channels]`, as a vector of one element.
fn length(graph: &mut Graph, x: &str) -> String {
    graph.node("", "Shape", &[x.to_owned()], &[("start", Attribute::Int(1)), ("end", Attribute::Int(2))])
}

/// Mask of the first `count [B,1]` frames of `x [B,frames,channels]`: `bool[B,frames]`.
fn first_frames(graph: &mut Graph, x: &str, count: &str) -> String {
    let length = length(graph, x);
    let none = graph.ints(&[0]);
    let length = graph.op("Squeeze", &[&length, &none]);
    let (from, step) = (graph.int(0), graph.int(1));
    let range = graph.op("Range", &[&from, &length, &step]);
    graph.op("Less", &[&range, count])
}

/// Normalises by mean and variance over all channels and the frames of each row without its padding.
fn group_norm(graph: &mut Graph, x: &str, frames: &str) -> String {
    let [each, more] = INNER_FRAMES.map(|n| graph.ints(&[n]));
    let count = graph.op("Mul", &[frames, &each]);
    let count = graph.op("Add", &[&count, &more]);
    let unpadded = first_frames(graph, x, &count);
    let to = [("to", Attribute::Int(FLOAT.into()))];
    let axis = graph.ints(&[2]);
    let mask = graph.node("", "Cast", &[unpadded], &to);
    let mask = graph.op("Unsqueeze", &[&mask, &axis]);
    let channels = graph.floats(&[], &[HIDDEN as f32]);
    let count = graph.node("", "Cast", &[count], &to);
    let count = graph.op("Mul", &[&count, &channels]);
    let count = graph.op("Unsqueeze", &[&count, &axis]);

    let axes = graph.ints(&[1, 2]);
    let own = graph.op("Mul", &[x, &mask]);
    let sum = graph.op("ReduceSum", &[&own, &axes]);
    let mean = graph.op("Div", &[&sum, &count]);
    let centred = graph.op("Sub", &[x, &mean]);
    let own = graph.op("Mul", &[&centred, &mask]);
    let squared = graph.op("Mul", &[&own, &own]);
    let sum = graph.op("ReduceSum", &[&squared, &axes]);
    let variance = graph.op("Div", &[&sum, &count]);
    // Epsilon as in the vendor's graph.
    let epsilon = graph.floats(&[], &[1e-5]);
    let shifted = graph.op("Add", &[&variance, &epsilon]);
    let deviation = graph.op("Sqrt", &[&shifted]);
    graph.op("Div", &[&centred, &deviation])
}

/// One transformer block: self-attention with rotary positions, then the feed-forward block.
fn block(
    graph: &mut Graph,
    weights: &Weights<'_>,
    layer: usize,
    x: &str,
    tables: &[String; 2],
) -> Result<String, WeightsError> {
    let weight = |name: &str| weights.product(&format!("/layers.{layer}/{name}"));
    let norm = weights.floats(&format!("layers.{layer}.input_layernorm.weight"), HIDDEN)?;
    let h = layer_norm(graph, x, &norm);
    // The weights of the queries include the division by the root of the head's width.
    let q = weight("self_attn/q_proj/MatMul_output_0")?.times(1.0 / (HEAD as f32).sqrt());
    let (k, v) = (weight("self_attn/k_proj/MatMul_output_0")?, weight("self_attn/v_proj/MatMul_output_0")?);
    let all = product(graph, &h, &Quantised::concat(&[quarter_turn(&q), q, quarter_turn(&k), k, v]), None);
    let sizes = graph.ints(&[HIDDEN as i64; 5]);
    let [qt, q, kt, k, v] = graph.nodes("", "Split", &[all, sizes], &[("axis", Attribute::Int(-1))]);
    let (q, k) = (rotate(graph, &q, &qt, tables), rotate(graph, &k, &kt, tables));
    let (q, k, v) = (
        split_heads(graph, &q, false, None),
        split_heads(graph, &k, true, None),
        split_heads(graph, &v, false, None),
    );
    // Padding is the same for self-attention and cross attention, so `cross_bias` serves both.
    let attended = attention(graph, &q, &k, &v, Some("cross_bias"));
    let attended = graph.node("", "Transpose", &[attended], &[("perm", Attribute::Ints(vec![0, 2, 1, 3]))]);
    let shape = graph.ints(&[0, 0, HIDDEN as i64]);
    let attended = graph.op("Reshape", &[&attended, &shape]);
    let projected = product(graph, &attended, &weight("self_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[x, &projected]);

    let norm = weights.floats(&format!("layers.{layer}.post_attention_layernorm.weight"), HIDDEN)?;
    let h = layer_norm(graph, &x, &norm);
    let bias = weights.floats(&format!("layers.{layer}.mlp.fc1.bias"), INNER)?;
    let wide = product(graph, &h, &weight("mlp/fc1/Add_output_0")?, Some(&bias));
    let activated = gelu(graph, wide);
    let bias = weights.floats(&format!("layers.{layer}.mlp.fc2.bias"), HIDDEN)?;
    let narrow = product(graph, &activated, &weight("mlp/fc2/Add_output_0")?, Some(&bias));
    Ok(graph.op("Add", &[&x, &narrow]))
}
