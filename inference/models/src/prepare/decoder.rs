//! One step of the decoder, for any set of rows: the last token of each in, its next token out.
//!
//! Attention and its caches are operators of this program (domain `verbatim`): each row attends to its own keys and
//! values alone, whatever else is in the batch and however far the others are. Products have one activation scale a
//! row. So a row's result is the same in every batch.

use super::OPERATOR_DOMAIN;
use super::graph::{Attribute, Graph};
use super::onnx::{FLOAT, INT64};
use super::quantise::{CONTRIB, layer_norm, per_row};
use super::shape::{HEAD, HIDDEN, INNER, LAYERS};
use super::weights::{Quantised, Weights, WeightsError};

/// Prefix of the token table in the vendor's file.
const EMBEDDING: &str = "model.decoder.embed_tokens.weight_merged_0";

/// Builds the graph `tokens i64[B], rows i64[B] -> next i64[B], logprob f32[B]`.
///
/// `rows` names each token's sequence in the decoder's cache, which knows its position.
pub(super) fn build(weights: &Weights<'_>) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("decoder");
    graph.input("tokens", INT64, &["B"]);
    graph.input("rows", INT64, &["B"]);
    let mut x = embed(&mut graph, weights)?;
    for layer in 0..LAYERS {
        x = block(&mut graph, weights, layer, &x)?;
    }
    let norm = weights.floats("model.decoder.norm.weight_merged_0", HIDDEN)?;
    let h = layer_norm(&mut graph, &x, &norm);
    let logits = per_row(&mut graph, &h, &weights.product("logits")?, None);
    let outputs = ["next".to_owned(), "logprob".to_owned()];
    graph.named(OPERATOR_DOMAIN, "GreedyToken", &[logits, "rows".to_owned()], &outputs, &[]);
    graph.output("next", INT64, &["B"]);
    graph.output("logprob", FLOAT, &["B"]);
    Ok(graph.encode())
}

/// Tokens to hidden states `f32[B,HIDDEN]`.
fn embed(graph: &mut Graph, weights: &Weights<'_>) -> Result<String, WeightsError> {
    let part = |name: &str| format!("{EMBEDDING}_{name}");
    let table = weights.table(&part("quantized"), &part("scale"), &part("zero_point"))?;
    let values = graph.bytes(&[table.rows, table.columns], &table.data);
    let rows = graph.op("Gather", &[&values, "tokens"]);
    let (scale, zero) = (graph.floats(&[], &table.scale[..1]), graph.bytes(&[], &table.zero[..1]));
    Ok(graph.op("DequantizeLinear", &[&rows, &scale, &zero]))
}

/// One transformer block: self-attention, cross attention, gated feed-forward block.
fn block(graph: &mut Graph, weights: &Weights<'_>, layer: usize, x: &str) -> Result<String, WeightsError> {
    let product = |name: &str| weights.product(&format!("/model/decoder/layers.{layer}/{name}"));
    let floats = |name: &str, length| weights.floats(&format!("model.decoder.layers.{layer}.{name}"), length);
    let attend = |graph: &mut Graph, op: &str, x: String| {
        let attributes = [("layer", Attribute::Int(layer as i64))];
        graph.node(OPERATOR_DOMAIN, op, &[x, "rows".to_owned()], &attributes)
    };
    // Attention divides by the root of the head's width: the queries' weights do it.
    let scale = 1.0 / (HEAD as f32).sqrt();

    let h = layer_norm(graph, x, &floats("input_layernorm.weight_merged_0", HIDDEN)?);
    let q = product("self_attn/q_proj/MatMul_output_0")?.times(scale);
    let (k, v) = (product("self_attn/k_proj/MatMul_output_0")?, product("self_attn/v_proj/MatMul_output_0")?);
    let qkv = per_row(graph, &h, &Quantised::beside(&[q, k, v]), None);
    let attended = attend(graph, "SelfAttention", qkv);
    let projected = per_row(graph, &attended, &product("self_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[x, &projected]);

    let h = layer_norm(graph, &x, &floats("post_attention_layernorm.weight_merged_0", HIDDEN)?);
    let q = per_row(graph, &h, &product("encoder_attn/q_proj/MatMul_output_0")?.times(scale), None);
    let attended = attend(graph, "CrossAttention", q);
    let projected = per_row(graph, &attended, &product("encoder_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[&x, &projected]);

    let h = layer_norm(graph, &x, &floats("final_layernorm.weight_merged_0", HIDDEN)?);
    let bias = floats("mlp.fc1.bias_merged_0", 2 * INNER)?;
    let wide = per_row(graph, &h, &product("mlp/fc1/Add_output_0")?, Some(&bias));
    let sizes = graph.ints(&[INNER as i64; 2]);
    let [value, gate] = graph.nodes("", "Split", &[wide, sizes], &[("axis", Attribute::Int(-1))]);
    let gate = graph.node(CONTRIB, "QuickGelu", &[gate], &[("alpha", Attribute::Float(1.0))]);
    let gated = graph.op("Mul", &[&value, &gate]);
    let bias = floats("mlp.fc2.bias_merged_0", HIDDEN)?;
    let narrow = per_row(graph, &gated, &product("mlp/fc2/Add_output_0")?, Some(&bias));
    Ok(graph.op("Add", &[&x, &narrow]))
}
