//! Graph of one decoder step for a batch on a GPU, and graph that keeps some rows of a batch.
//!
//! All rows are at the same position. Caches are inputs and outputs: outputs of a step are inputs of the next
//! one, and stay on the device.

use crate::moonshine::gpu::float_ops::{attention, dequantise, product, rotary_tables, rotate, silu};
use crate::moonshine::rotary::quarter_turn;
use crate::moonshine::shape::{HEAD, HEADS, HIDDEN, INNER, LAYERS, MAX_TOKENS};
use crate::onnx::error::WeightsError;
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::layers::layer_norm;
use crate::onnx::proto::{FLOAT, INT64};
use crate::onnx::quantised::Quantised;
use crate::onnx::weights::Weights;

/// Prefix of the token table in the vendor's file.
const EMBEDDING: &str = "model.decoder.embed_tokens.weight_merged_0";

/// Builds the graph `tokens i64[B], position i64[1], cross_bias, cross_k.l, cross_v.l, self_k.l
/// f32[B,HEADS,P,HEAD], self_v.l -> next i64[B], logprob f32[B], logits f32[B,V], new_k.l, new_v.l` with P +
/// 1 positions in the new ones.
pub(crate) fn build(weights: &Weights<'_>) -> Result<Vec<u8>, WeightsError> {
    let mut graph = Graph::new("decoder_batch");
    graph.input("tokens", INT64, &["B"]);
    graph.input("position", INT64, &["1"]);
    let (heads, head) = (HEADS.to_string(), HEAD.to_string());
    let cache = ["B", &heads, "P", &head];
    declare_cross(&mut graph, Graph::input, "");
    for layer in 0..LAYERS {
        graph.input(&format!("self_k.{layer}"), FLOAT, &cache);
        graph.input(&format!("self_v.{layer}"), FLOAT, &cache);
    }
    let mut x = embed(&mut graph, weights)?;
    let tables = rotary_tables(&mut graph, MAX_TOKENS).map(|table| graph.op("Gather", &[&table, "position"]));
    for layer in 0..LAYERS {
        x = block(&mut graph, weights, layer, &x, &tables)?;
    }
    let norm = weights.floats("model.decoder.norm.weight_merged_0", HIDDEN)?;
    let h = layer_norm(&mut graph, &x, &norm);
    let logits = product(&mut graph, &h, &weights.product("logits")?, None);
    graph.named("", "Identity", std::slice::from_ref(&logits), &["logits".to_owned()], &[]);
    let attributes = [("axis", Attribute::Int(-1)), ("keepdims", Attribute::Int(0))];
    graph.named("", "ArgMax", std::slice::from_ref(&logits), &["next".to_owned()], &attributes);
    let logs = graph.node("", "LogSoftmax", &[logits], &[("axis", Attribute::Int(-1))]);
    let axes = graph.ints(&[-1]);
    let attributes = [("keepdims", Attribute::Int(0))];
    graph.named("", "ReduceMax", &[logs, axes], &["logprob".to_owned()], &attributes);
    graph.output("next", INT64, &["B"]);
    graph.output("logprob", FLOAT, &["B"]);
    graph.output("logits", FLOAT, &["B", "V"]);
    for layer in 0..LAYERS {
        graph.output(&format!("new_k.{layer}"), FLOAT, &["B", &heads, "N", &head]);
        graph.output(&format!("new_v.{layer}"), FLOAT, &["B", &heads, "N", &head]);
    }
    Ok(graph.encode())
}

/// Builds the graph that keeps the rows `keep i64[K]` of all caches `x`, as outputs `kept.x`.
pub(crate) fn build_keep() -> Vec<u8> {
    let mut graph = Graph::new("keep_batch");
    let (heads, head) = (HEADS.to_string(), HEAD.to_string());
    graph.input("keep", INT64, &["K"]);
    declare_cross(&mut graph, Graph::input, "");
    declare_cross(&mut graph, Graph::output, "kept.");
    for layer in 0..LAYERS {
        for part in ["self_k", "self_v"] {
            graph.input(&format!("{part}.{layer}"), FLOAT, &["B", &heads, "P", &head]);
            graph.output(&format!("kept.{part}.{layer}"), FLOAT, &["K", &heads, "P", &head]);
        }
    }
    let parts = ["cross_k", "cross_v", "self_k", "self_v"];
    let layers = (0..LAYERS).flat_map(|layer| parts.map(|part| format!("{part}.{layer}")));
    for name in std::iter::once("cross_bias".to_owned()).chain(layers) {
        let kept = format!("kept.{name}");
        graph.named("", "Gather", &[name, "keep".to_owned()], &[kept], &[("axis", Attribute::Int(0))]);
    }
    graph.encode()
}

/// Declares the caches of cross attention, as inputs or outputs.
fn declare_cross(graph: &mut Graph, declare: fn(&mut Graph, &str, i32, &[&str]), prefix: &str) {
    let rows = if prefix.is_empty() { "B" } else { "K" };
    let (heads, head) = (HEADS.to_string(), HEAD.to_string());
    declare(graph, &format!("{prefix}cross_bias"), FLOAT, &[rows, "1", "1", "T"]);
    for layer in 0..LAYERS {
        declare(graph, &format!("{prefix}cross_k.{layer}"), FLOAT, &[rows, &heads, &head, "T"]);
        declare(graph, &format!("{prefix}cross_v.{layer}"), FLOAT, &[rows, &heads, "T", &head]);
    }
}

/// Embeds tokens: hidden states `f32[B,HIDDEN]`.
fn embed(graph: &mut Graph, weights: &Weights<'_>) -> Result<String, WeightsError> {
    let part = |name: &str| format!("{EMBEDDING}_{name}");
    let table = weights.table(&part("quantized"), &part("scale"), &part("zero_point"))?;
    let values = graph.bytes(&[table.rows, table.columns], &table.data);
    let rows = graph.op("Gather", &[&values, "tokens"]);
    let (scale, zero) = (graph.floats(&[], &table.scale[..1]), graph.bytes(&[], &table.zero[..1]));
    Ok(dequantise(graph, &rows, &zero, &scale))
}

/// One transformer block: self-attention, cross attention, gated feed-forward block.
fn block(
    graph: &mut Graph,
    weights: &Weights<'_>,
    layer: usize,
    x: &str,
    tables: &[String; 2],
) -> Result<String, WeightsError> {
    let weight = |name: &str| weights.product(&format!("/model/decoder/layers.{layer}/{name}"));
    let floats = |name: &str, length| weights.floats(&format!("model.decoder.layers.{layer}.{name}"), length);
    let row = graph.ints(&[0, HEADS as i64, 1, HEAD as i64]);
    let flat = graph.ints(&[0, HIDDEN as i64]);
    // The weights of the queries include the division by the root of the head's width.
    let scale = 1.0 / (HEAD as f32).sqrt();

    let h = layer_norm(graph, x, &floats("input_layernorm.weight_merged_0", HIDDEN)?);
    let q = weight("self_attn/q_proj/MatMul_output_0")?.times(scale);
    let (k, v) = (weight("self_attn/k_proj/MatMul_output_0")?, weight("self_attn/v_proj/MatMul_output_0")?);
    let all = product(graph, &h, &Quantised::concat(&[quarter_turn(&q), q, quarter_turn(&k), k, v]), None);
    let sizes = graph.ints(&[HIDDEN as i64; 5]);
    let [qt, q, kt, k, v] = graph.nodes("", "Split", &[all, sizes], &[("axis", Attribute::Int(-1))]);
    let (q, k) = (rotate(graph, &q, &qt, tables), rotate(graph, &k, &kt, tables));
    let q = graph.op("Reshape", &[&q, &row]);
    let mut append = |part: &str, x: &str| {
        let x = graph.op("Reshape", &[x, &row]);
        let (old, new) = (format!("self_{part}.{layer}"), format!("new_{part}.{layer}"));
        graph.named("", "Concat", &[old, x], std::slice::from_ref(&new), &[("axis", Attribute::Int(2))]);
        new
    };
    let (k, v) = (append("k", &k), append("v", &v));
    let transposed = graph.node("", "Transpose", &[k], &[("perm", Attribute::Ints(vec![0, 1, 3, 2]))]);
    let attended = attention(graph, &q, &transposed, &v, None);
    let attended = graph.op("Reshape", &[&attended, &flat]);
    let projected = product(graph, &attended, &weight("self_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[x, &projected]);

    let h = layer_norm(graph, &x, &floats("post_attention_layernorm.weight_merged_0", HIDDEN)?);
    let q = product(graph, &h, &weight("encoder_attn/q_proj/MatMul_output_0")?.times(scale), None);
    let q = graph.op("Reshape", &[&q, &row]);
    let (k, v) = (format!("cross_k.{layer}"), format!("cross_v.{layer}"));
    let attended = attention(graph, &q, &k, &v, Some("cross_bias"));
    let attended = graph.op("Reshape", &[&attended, &flat]);
    let projected = product(graph, &attended, &weight("encoder_attn/o_proj/MatMul_output_0")?, None);
    let x = graph.op("Add", &[&x, &projected]);

    let h = layer_norm(graph, &x, &floats("final_layernorm.weight_merged_0", HIDDEN)?);
    let bias = floats("mlp.fc1.bias_merged_0", 2 * INNER)?;
    let wide = product(graph, &h, &weight("mlp/fc1/Add_output_0")?, Some(&bias));
    let sizes = graph.ints(&[INNER as i64; 2]);
    let [value, gate] = graph.nodes("", "Split", &[wide, sizes], &[("axis", Attribute::Int(-1))]);
    let gate = silu(graph, &gate);
    let gated = graph.op("Mul", &[&value, &gate]);
    let bias = floats("mlp.fc2.bias_merged_0", HIDDEN)?;
    let narrow = product(graph, &gated, &weight("mlp/fc2/Add_output_0")?, Some(&bias));
    Ok(graph.op("Add", &[&x, &narrow]))
}
