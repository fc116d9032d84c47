//! Layers of the graphs for a GPU: float arithmetic by standard operators only.
//!
//! Weights are stored as the vendor's bytes. Their conversion to floats depends only on constants, so ONNX
//! Runtime does it once, when it loads the graph.

use crate::moonshine::rotary;
use crate::moonshine::shape::{HEAD, HEADS, HIDDEN, ROTARY};
use crate::onnx::graph::{Attribute, Graph};
use crate::onnx::proto::FLOAT;
use crate::onnx::quantised::Quantised;

/// Bias for the score of a padding frame: its weight after the softmax is exactly 0.
pub(super) const MASKED: f32 = -1e30;

/// `(x - zero) · scale` for bytes `x`.
pub(super) fn dequantise(graph: &mut Graph, x: &str, zero: &str, scale: &str) -> String {
    let to = [("to", Attribute::Int(FLOAT.into()))];
    let (x, zero) =
        (graph.node("", "Cast", &[x.to_owned()], &to), graph.node("", "Cast", &[zero.to_owned()], &to));
    let centred = graph.op("Sub", &[&x, &zero]);
    graph.op("Mul", &[&centred, scale])
}

/// `x · w + bias`.
pub(super) fn product(graph: &mut Graph, x: &str, w: &Quantised, bias: Option<&[f32]>) -> String {
    let (data, zero) = (graph.bytes(&[w.rows, w.columns], &w.data), graph.bytes(&[w.columns], &w.zero));
    let scale = graph.floats(&[w.columns], &w.scale);
    let weights = dequantise(graph, &data, &zero, &scale);
    let product = graph.op("MatMul", &[x, &weights]);
    match bias {
        Some(bias) => {
            let bias = graph.floats(&[bias.len()], bias);
            graph.op("Add", &[&product, &bias])
        }
        None => product,
    }
}

/// GELU by its definition; ONNX Runtime fuses it into one operator.
pub(super) fn gelu(graph: &mut Graph, x: String) -> String {
    let (root, one, half) = (
        graph.floats(&[], &[std::f32::consts::SQRT_2]),
        graph.floats(&[], &[1.0]),
        graph.floats(&[], &[0.5]),
    );
    let scaled = graph.op("Div", &[&x, &root]);
    let erf = graph.op("Erf", &[&scaled]);
    let shifted = graph.op("Add", &[&erf, &one]);
    let product = graph.op("Mul", &[&x, &shifted]);
    graph.op("Mul", &[&product, &half])
}

/// `x · sigmoid(x)`.
pub(super) fn silu(graph: &mut Graph, x: &str) -> String {
    let gate = graph.op("Sigmoid", &[x]);
    graph.op("Mul", &[x, &gate])
}

/// Cosines and sines of the first `positions` positions, as wide as all heads: `[positions, HIDDEN]`.
///
/// The file has one column per pair; a product with constants distributes it over the columns of the heads.
pub(super) fn rotary_tables(graph: &mut Graph, positions: usize) -> [String; 2] {
    let pairs = ROTARY / 2;
    let mut spread = vec![0.0; pairs * HIDDEN];
    let mut unrotated = vec![0.0; HIDDEN];
    for column in 0..HIDDEN {
        match column % HEAD {
            within if within < ROTARY => spread[within / 2 * HIDDEN + column] = 1.0,
            _ => unrotated[column] = 1.0,
        }
    }
    let spread = graph.floats(&[pairs, HIDDEN], &spread);
    let (cos, sin) = rotary::tables(positions);
    let (cos, sin) = (graph.floats(&[positions, pairs], &cos), graph.floats(&[positions, pairs], &sin));
    let unrotated = graph.floats(&[HIDDEN], &unrotated);
    let cos = graph.op("MatMul", &[&cos, &spread]);
    [graph.op("Add", &[&cos, &unrotated]), graph.op("MatMul", &[&sin, &spread])]
}

/// Rotary position embedding of `x`; `turned` is its quarter turn (see [`rotary::quarter_turn`]).
pub(super) fn rotate(graph: &mut Graph, x: &str, turned: &str, [cos, sin]: &[String; 2]) -> String {
    let (x, turned) = (graph.op("Mul", &[x, cos]), graph.op("Mul", &[turned, sin]));
    graph.op("Add", &[&x, &turned])
}

/// Splits `[B,T,HIDDEN]` into a matrix per head: `[B,HEADS,T,HEAD]`, or `[B,HEADS,HEAD,T]` if `transposed`.
pub(super) fn split_heads(graph: &mut Graph, x: &str, transposed: bool, name: Option<String>) -> String {
    let shape = graph.ints(&[0, 0, HEADS as i64, HEAD as i64]);
    let split = graph.op("Reshape", &[x, &shape]);
    let order = if transposed { vec![0, 2, 3, 1] } else { vec![0, 2, 1, 3] };
    let attributes = [("perm", Attribute::Ints(order))];
    match name {
        Some(name) => {
            graph.named("", "Transpose", &[split], std::slice::from_ref(&name), &attributes);
            name
        }
        None => graph.node("", "Transpose", &[split], &attributes),
    }
}

/// Attention: `q [B,HEADS,Q,HEAD]`, `k [B,HEADS,HEAD,T]`, `v [B,HEADS,T,HEAD]` to `[B,HEADS,Q,HEAD]`.
pub(super) fn attention(graph: &mut Graph, q: &str, k: &str, v: &str, bias: Option<&str>) -> String {
    let mut scores = graph.op("MatMul", &[q, k]);
    if let Some(bias) = bias {
        scores = graph.op("Add", &[&scores, bias]);
    }
    let weights = graph.node("", "Softmax", &[scores], &[("axis", Attribute::Int(-1))]);
    graph.op("MatMul", &[&weights, v])
}
