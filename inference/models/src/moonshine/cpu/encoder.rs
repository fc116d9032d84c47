//! Graph of the encoder for one segment: audio in, keys and values of the decoder's cross attention out.
//!
//! A run has one segment and no padding, so that segments cannot affect each other, and operators with one
//! activation scale per tensor are exact. This costs nothing on a CPU: a second of speech has 42 rows
//! already, enough for products to be limited by arithmetic. Convolutions are products over unfolded frames;
//! the affine part of the group norm is folded into the second one.

use crate::moonshine::front_end::{STRIDE, Variant, front_end};
use crate::moonshine::rotary;
use crate::moonshine::shape::{HEAD, HEADS, HIDDEN, INNER, LAYERS, ROTARY};
use crate::onnx::domain::CONTRIB;
use crate::onnx::error::WeightsError;
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::layers::{layer_norm, product_per_tensor};
use crate::onnx::proto::FLOAT;
use crate::onnx::quantised::Quantised;
use crate::onnx::weights::Weights;

/// Positions in the rotary tables: 98 s of audio, far more than the longest segment.
const POSITIONS: usize = 4096;

/// Builds the graph `samples f32[1,S] -> cross f32[T, 2·LAYERS·HIDDEN]`, S = 895 + 384 k, T = k + 1.
///
/// A row of `cross` has the keys of all layers, then the values of all layers, head by head.
pub(crate) fn build(encoder: &Weights<'_>, decoder: &Weights<'_>) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("encoder");
    graph.input("samples", FLOAT, &["1", "S"]);
    let frames = segment_front_end(&mut graph, encoder)?;
    let axis = graph.ints(&[0]);
    let mut x = graph.op("Unsqueeze", &[&frames, &axis]);
    let (cos, sin) = rotary::tables(POSITIONS);
    let tables = [
        graph.ints(&[0]),
        graph.floats(&[POSITIONS, ROTARY / 2], &cos),
        graph.floats(&[POSITIONS, ROTARY / 2], &sin),
    ];
    for layer in 0..LAYERS {
        x = block(&mut graph, encoder, layer, &x, &tables)?;
    }
    let hidden = layer_norm(&mut graph, &x, &encoder.floats("layer_norm.weight", HIDDEN)?);
    let mut parts = Vec::new();
    for part in ["k", "v"] {
        for layer in 0..LAYERS {
            let name = format!("/model/decoder/layers.{layer}/encoder_attn/{part}_proj/MatMul_output_0");
            parts.push(decoder.product(&name)?);
        }
    }
    let cross = product_per_tensor(&mut graph, &hidden, &Quantised::concat(&parts), None);
    let axis = graph.ints(&[0]);
    graph.named("", "Squeeze", &[cross, axis], &["cross".to_owned()], &[]);
    graph.output("cross", FLOAT, &["T", &(2 * LAYERS * HIDDEN).to_string()]);
    Ok(graph.encode())
}

/// Front end for one segment: `samples f32[1,S]` to `f32[T,HIDDEN]`.
fn segment_front_end(graph: &mut Graph, weights: &Weights<'_>) -> Result<String, WeightsError> {
    let zero = graph.floats(&[1, 1], &[0.0]);
    let padded = graph.node("", "Concat", &["samples".to_owned(), zero], &[("axis", Attribute::Int(1))]);
    let shape = graph.ints(&[-1, STRIDE as i64]);
    let rows = graph.op("Reshape", &[&padded, &shape]);
    let variant = Variant { axis: 0, gelu: |graph, x| graph.node(CONTRIB, "Gelu", &[x], &[]) };
    front_end(graph, weights, &rows, &variant, group_norm)
}

/// Normalises by mean and variance over all channels and frames of the segment.
fn group_norm(graph: &mut Graph, x: &str) -> String {
    let axes = graph.ints(&[0, 1]);
    let mean = graph.op("ReduceMean", &[x, &axes]);
    let centred = graph.op("Sub", &[x, &mean]);
    let squared = graph.op("Mul", &[&centred, &centred]);
    let variance = graph.op("ReduceMean", &[&squared, &axes]);
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
    [position, cos, sin]: &[String; 3],
) -> Result<String, WeightsError> {
    let product = |name: &str| weights.product(&format!("/layers.{layer}/{name}"));
    let norm = weights.floats(&format!("layers.{layer}.input_layernorm.weight"), HIDDEN)?;
    let h = layer_norm(graph, x, &norm);
    let projections = ["q", "k", "v"].map(|p| product(&format!("self_attn/{p}_proj/MatMul_output_0")));
    let [q, k, v] = projections;
    let qkv = product_per_tensor(graph, &h, &Quantised::concat(&[q?, k?, v?]), None);
    let sizes = graph.ints(&[HIDDEN as i64; 3]);
    let [q, k, v] = graph.nodes("", "Split", &[qkv, sizes], &[("axis", Attribute::Int(-1))]);
    let mut rotate = |x: String| {
        let attributes = [
            ("interleaved", Attribute::Int(1)),
            ("num_heads", Attribute::Int(HEADS as i64)),
            ("rotary_embedding_dim", Attribute::Int(ROTARY as i64)),
        ];
        graph.node(CONTRIB, "RotaryEmbedding", &[x, position.clone(), cos.clone(), sin.clone()], &attributes)
    };
    let (q, k) = (rotate(q), rotate(k));
    let scale = 1.0 / (HEAD as f32).sqrt();
    let attributes = [("num_heads", Attribute::Int(HEADS as i64)), ("scale", Attribute::Float(scale))];
    let attended = graph.node(CONTRIB, "MultiHeadAttention", &[q, k, v], &attributes);
    let projected = product_per_tensor(graph, &attended, &product("self_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[x, &projected]);

    let norm = weights.floats(&format!("layers.{layer}.post_attention_layernorm.weight"), HIDDEN)?;
    let h = layer_norm(graph, &x, &norm);
    let bias = weights.floats(&format!("layers.{layer}.mlp.fc1.bias"), INNER)?;
    let wide = product_per_tensor(graph, &h, &product("mlp/fc1/Add_output_0")?, Some(&bias));
    let activated = graph.node(CONTRIB, "Gelu", &[wide], &[]);
    let bias = weights.floats(&format!("layers.{layer}.mlp.fc2.bias"), HIDDEN)?;
    let narrow = product_per_tensor(graph, &activated, &product("mlp/fc2/Add_output_0")?, Some(&bias));
    Ok(graph.op("Add", &[&x, &narrow]))
}
