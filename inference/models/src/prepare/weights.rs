//! The vendor's weights by the names of the nodes that use them.

use std::collections::HashMap;

use super::onnx::{FLOAT, UINT8};
use super::ort_format::{self, RawTensor};
use super::shape::{HEAD, ROTARY};

/// Why a file is not the model that the graphs are built from.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file is not in ONNX Runtime's format, or is damaged.
    #[error("not a model in ONNX Runtime's format: {0}")]
    Malformed(&'static str),
    /// A tensor or node that the graphs need is not there.
    #[error("{0} is not in the model")]
    Missing(String),
    /// A tensor has another type or shape than the graphs need.
    #[error("{name} has type {data_type} and shape {dims:?}, expected {expected}")]
    Unexpected {
        /// Name of the tensor.
        name: String,
        /// `TensorProto.DataType` of ONNX.
        data_type: i32,
        /// Its shape.
        dims: Vec<usize>,
        /// What it had to be.
        expected: &'static str,
    },
}

/// A matrix of 8-bit weights, `[rows, columns]`; the value of `q` in column `c` is `(q - zero[c]) * scale[c]`.
#[derive(Clone)]
pub(super) struct Quantised {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) data: Vec<u8>,
    pub(super) scale: Vec<f32>,
    pub(super) zero: Vec<u8>,
}

impl Quantised {
    /// Several matrices of the same height side by side.
    pub(super) fn beside(parts: &[Quantised]) -> Quantised {
        let rows = parts.first().map_or(0, |p| p.rows);
        let columns = parts.iter().map(|p| p.columns).sum();
        let mut data = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for part in parts {
                data.extend_from_slice(&part.data[row * part.columns..(row + 1) * part.columns]);
            }
        }
        let scale = parts.iter().flat_map(|p| p.scale.iter().copied()).collect();
        let zero = parts.iter().flat_map(|p| p.zero.iter().copied()).collect();
        Quantised { rows, columns, data, scale, zero }
    }

    /// The same weights, each multiplied by `factor`.
    pub(super) fn times(mut self, factor: f32) -> Quantised {
        self.scale.iter_mut().for_each(|s| *s *= factor);
        self
    }

    /// The weights of the same values turned by a quarter in each pair that rotary position embedding turns: with `a`
    /// and `b` the columns of a pair, `-b` and `a`. So `x · w · cos + x · w.turned() · sin` is the embedding.
    pub(super) fn turned(&self) -> Quantised {
        let sources = (0..self.columns).map(|column| match column % HEAD {
            within if within >= ROTARY => (column, 1.0),
            within if within % 2 == 0 => (column + 1, -1.0),
            _ => (column - 1, 1.0),
        });
        let sources: Vec<(usize, f32)> = sources.collect();
        let data = self.data.chunks_exact(self.columns);
        Quantised {
            rows: self.rows,
            columns: self.columns,
            data: data.flat_map(|row| sources.iter().map(|(from, _)| row[*from])).collect(),
            scale: sources.iter().map(|(from, sign)| self.scale[*from] * sign).collect(),
            zero: sources.iter().map(|(from, _)| self.zero[*from]).collect(),
        }
    }
}

/// All weights of one of the vendor's files.
pub(super) struct Weights<'a> {
    tensors: HashMap<&'a str, RawTensor<'a>>,
    /// Operator and inputs of the node that writes a value.
    writers: HashMap<&'a str, (&'a str, Vec<&'a str>)>,
}

impl<'a> Weights<'a> {
    /// Reads a file of ONNX Runtime's format.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let (tensors, nodes) = ort_format::read(bytes)?;
        let tensors = tensors.into_iter().map(|t| (t.name, t)).collect();
        let mut writers = HashMap::new();
        for node in nodes {
            for output in node.outputs {
                // A branch comes before the `If` that holds it and gives its outputs the same names: the first
                // writer is the one that computes.
                writers.entry(output).or_insert_with(|| (node.op, node.inputs.clone()));
            }
        }
        Ok(Self { tensors, writers })
    }

    fn tensor(&self, name: &str) -> Result<&RawTensor<'a>, WeightsError> {
        self.tensors.get(name).ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    /// Values of a float tensor of `length` elements.
    pub(super) fn floats(&self, name: &str, length: usize) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensor(name)?;
        let values: Vec<f32> = tensor.data.as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
        if tensor.data_type != FLOAT || values.len() != length {
            return Err(unexpected(tensor, "floats of another count"));
        }
        Ok(values)
    }

    /// An 8-bit tensor with one scale and one zero point, `[rows, columns]`.
    pub(super) fn table(&self, quantised: &str, scale: &str, zero: &str) -> Result<Quantised, WeightsError> {
        let tensor = self.tensor(quantised)?;
        let &[rows, columns] = tensor.dims.as_slice() else {
            return Err(unexpected(tensor, "a matrix"));
        };
        if tensor.data_type != UINT8 || tensor.data.len() != rows * columns {
            return Err(unexpected(tensor, "unsigned bytes"));
        }
        let zero_tensor = self.tensor(zero)?;
        let &[zero] = zero_tensor.data else {
            return Err(unexpected(zero_tensor, "one unsigned byte"));
        };
        Ok(Quantised {
            rows,
            columns,
            data: tensor.data.to_vec(),
            scale: vec![self.floats(scale, 1)?[0]; columns],
            zero: vec![zero; columns],
        })
    }

    /// The weights of the product that writes `output`.
    pub(super) fn product(&self, output: &str) -> Result<Quantised, WeightsError> {
        let (op, inputs) =
            self.writers.get(output).ok_or_else(|| WeightsError::Missing(output.to_owned()))?;
        // Positions of weight, scale and zero point, from the operators' definitions in ONNX Runtime's contrib set.
        let places = match *op {
            "DynamicQuantizeMatMul" => [1, 2, 3],
            "MatMulIntegerToFloat" => [1, 3, 5],
            _ => return Err(WeightsError::Missing(format!("the quantised product that writes {output}"))),
        };
        let at = |place: usize| inputs.get(place).copied().unwrap_or_default();
        self.table(at(places[0]), at(places[1]), at(places[2]))
    }
}

fn unexpected(tensor: &RawTensor<'_>, expected: &'static str) -> WeightsError {
    WeightsError::Unexpected {
        name: tensor.name.to_owned(),
        data_type: tensor.data_type,
        dims: tensor.dims.clone(),
        expected,
    }
}
