//! Layers of graphs: products of activations with 8-bit weights, layer normalisation.

use crate::onnx::domain::{CONTRIB, OPERATOR_DOMAIN};
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::quantised::Quantised;

/// `x · w + bias` with one activation scale for the whole tensor. Fast, but exact only if a run has one
/// segment.
pub(crate) fn product_per_tensor(graph: &mut Graph, x: &str, w: &Quantised, bias: Option<&[f32]>) -> String {
    let mut inputs = vec![x.to_owned(), graph.bytes(&[w.rows, w.columns], &w.data)];
    inputs.push(graph.floats(&[w.columns], &w.scale));
    inputs.push(graph.bytes(&[w.columns], &w.zero));
    if let Some(bias) = bias {
        inputs.push(graph.floats(&[bias.len()], bias));
    }
    graph.node(CONTRIB, "DynamicQuantizeMatMul", &inputs, &[])
}

/// `x · w + bias` with one activation scale per row. Sums of integers do not depend on their order, so the
/// result of a row does not depend on the other rows of the batch.
pub(crate) fn product_per_row(graph: &mut Graph, x: &str, w: &Quantised, bias: Option<&[f32]>) -> String {
    let [quantised, scale] = graph.nodes(OPERATOR_DOMAIN, "QuantizeRows", &[x.to_owned()], &[]);
    let inputs = [
        quantised,
        graph.bytes(&[w.rows, w.columns], &w.data),
        graph.floats(&[], &[1.0]),
        graph.floats(&[w.columns], &w.scale),
        graph.bytes(&[], &[128]),
        graph.bytes(&[w.columns], &w.zero),
    ];
    let product = graph.node(CONTRIB, "MatMulIntegerToFloat", &inputs, &[]);
    let scaled = graph.node("", "Mul", &[product, scale], &[]);
    match bias {
        Some(bias) => {
            let bias = graph.floats(&[bias.len()], bias);
            graph.node("", "Add", &[scaled, bias], &[])
        }
        None => scaled,
    }
}

/// Layer normalisation over the last axis, without bias.
pub(crate) fn layer_norm(graph: &mut Graph, x: &str, weight: &[f32]) -> String {
    let weight = graph.floats(&[weight.len()], weight);
    // Epsilon as in the vendor's graphs.
    let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(1e-5))];
    graph.node("", "LayerNormalization", &[x.to_owned(), weight], &attributes)
}
