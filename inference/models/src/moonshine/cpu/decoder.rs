//! Graph of one decoder step for any set of rows: the last token of each row in, its next token out.
//!
//! Attention and its caches are operators of this program (domain `verbatim`): each row attends only to its
//! own keys and values, whatever the other rows and their positions are. Products have one activation scale
//! per row. So the result of a row is the same in every batch.

use crate::moonshine::shape::{HEAD, HIDDEN, INNER, LAYERS};
use crate::onnx::domain::{CONTRIB, OPERATOR_DOMAIN};
use crate::onnx::error::WeightsError;
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::layers::{layer_norm, product_per_row};
use crate::onnx::proto::{FLOAT, INT64};
use crate::onnx::quantised::Quantised;
use crate::onnx::weights::Weights;

/// Prefix of the token table in the vendor's file.
const EMBEDDING: &str = "model.decoder.embed_tokens.weight_merged_0";

/// Builds the graph `tokens i64[B], rows i64[B] -> next i64[B], logprob f32[B]`.
///
/// `rows` are the tokens' sequences in the decoder's cache, which knows their positions.
pub(crate) fn build(weights: &Weights<'_>) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("decoder");
    graph.input("tokens", INT64, &["B"]);
    graph.input("rows", INT64, &["B"]);
    let mut x = embed(&mut graph, weights)?;
    for layer in 0..LAYERS {
        x = block(&mut graph, weights, layer, &x)?;
    }
    let norm = weights.floats("model.decoder.norm.weight_merged_0", HIDDEN)?;
    let h = layer_norm(&mut graph, &x, &norm);
    let logits = product_per_row(&mut graph, &h, &weights.product("logits")?, None);
    let outputs = ["next".to_owned(), "logprob".to_owned()];
    graph.named(OPERATOR_DOMAIN, "GreedyToken", &[logits, "rows".to_owned()], &outputs, &[]);
    graph.output("next", INT64, &["B"]);
    graph.output("logprob", FLOAT, &["B"]);
    Ok(graph.encode())
}

/// Embeds tokens: hidden states `f32[B,HIDDEN]`.
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
    // The weights of the queries include the division by the root of the head's width.
    let scale = 1.0 / (HEAD as f32).sqrt();

    let h = layer_norm(graph, x, &floats("input_layernorm.weight_merged_0", HIDDEN)?);
    let q = product("self_attn/q_proj/MatMul_output_0")?.times(scale);
    let (k, v) = (product("self_attn/k_proj/MatMul_output_0")?, product("self_attn/v_proj/MatMul_output_0")?);
    let qkv = product_per_row(graph, &h, &Quantised::concat(&[q, k, v]), None);
    let attended = attend(graph, "SelfAttention", qkv);
    let projected = product_per_row(graph, &attended, &product("self_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[x, &projected]);

    let h = layer_norm(graph, &x, &floats("post_attention_layernorm.weight_merged_0", HIDDEN)?);
    let q = product_per_row(graph, &h, &product("encoder_attn/q_proj/MatMul_output_0")?.times(scale), None);
    let attended = attend(graph, "CrossAttention", q);
    let projected = product_per_row(graph, &attended, &product("encoder_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[&x, &projected]);

    let h = layer_norm(graph, &x, &floats("final_layernorm.weight_merged_0", HIDDEN)?);
    let bias = floats("mlp.fc1.bias_merged_0", 2 * INNER)?;
    let wide = product_per_row(graph, &h, &product("mlp/fc1/Add_output_0")?, Some(&bias));
    let sizes = graph.ints(&[INNER as i64; 2]);
    let [value, gate] = graph.nodes("", "Split", &[wide, sizes], &[("axis", Attribute::Int(-1))]);
    let gate = graph.node(CONTRIB, "QuickGelu", &[gate], &[("alpha", Attribute::Float(1.0))]);
    let gated = graph.op("Mul", &[&value, &gate]);
    let bias = floats("mlp.fc2.bias_merged_0", HIDDEN)?;
    let narrow = product_per_row(graph, &gated, &product("mlp/fc2/Add_output_0")?, Some(&bias));
    Ok(graph.op("Add", &[&x, &narrow]))
}
