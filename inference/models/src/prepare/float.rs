//! Pieces of the graphs for a GPU: float arithmetic by operators of the standard set alone.
//!
//! Weights are stored as the vendor's bytes. Their conversion to floats depends on constants only, so ONNX Runtime does
//! it once, when it loads the graph.

use super::graph::{Attribute, Graph};
use super::onnx::FLOAT;
use super::rotary;
use super::shape::{HEAD, HEADS, HIDDEN, ROTARY};
use super::weights::Quantised;

/// Added to the score of a frame that is not there: its weight after the softmax is exactly 0.
pub(super) const NOWHERE: f32 = -1e30;

/// `(x - zero) · scale` for bytes `x`.
pub(super) fn dequantised(graph: &mut Graph, x: &str, zero: &str, scale: &str) -> String {
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
    let weights = dequantised(graph, &data, &zero, &scale);
    let product = graph.op("MatMul", &[x, &weights]);
    match bias {
        Some(bias) => {
            let bias = graph.floats(&[bias.len()], bias);
            graph.op("Add", &[&product, &bias])
        }
        None => product,
    }
}

/// GELU by its definition; ONNX Runtime makes one operator of it.
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
/// The file holds one column a pair; constants again spread it over the heads' columns.
pub(super) fn rotary_tables(graph: &mut Graph, positions: usize) -> [String; 2] {
    let pairs = ROTARY / 2;
    let mut spread = vec![0.0; pairs * HIDDEN];
    let mut still = vec![0.0; HIDDEN];
    for column in 0..HIDDEN {
        match column % HEAD {
            within if within < ROTARY => spread[within / 2 * HIDDEN + column] = 1.0,
            _ => still[column] = 1.0,
        }
    }
    let spread = graph.floats(&[pairs, HIDDEN], &spread);
    let (cos, sin) = rotary::tables(positions);
    let (cos, sin) = (graph.floats(&[positions, pairs], &cos), graph.floats(&[positions, pairs], &sin));
    let still = graph.floats(&[HIDDEN], &still);
    let cos = graph.op("MatMul", &[&cos, &spread]);
    [graph.op("Add", &[&cos, &still]), graph.op("MatMul", &[&sin, &spread])]
}

/// Rotary position embedding of `x`, of which `turned` is the quarter turn (see `Quantised::turned`).
pub(super) fn turn(graph: &mut Graph, x: &str, turned: &str, [cos, sin]: &[String; 2]) -> String {
    let (x, turned) = (graph.op("Mul", &[x, cos]), graph.op("Mul", &[turned, sin]));
    graph.op("Add", &[&x, &turned])
}

/// `[B,T,HIDDEN]` to a matrix for each head: `[B,HEADS,T,HEAD]`, or `[B,HEADS,HEAD,T]` where `upright`.
pub(super) fn heads(graph: &mut Graph, x: &str, upright: bool, name: Option<String>) -> String {
    let shape = graph.ints(&[0, 0, HEADS as i64, HEAD as i64]);
    let split = graph.op("Reshape", &[x, &shape]);
    let order = if upright { vec![0, 2, 3, 1] } else { vec![0, 2, 1, 3] };
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
