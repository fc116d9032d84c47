//! Weights of a model file, by the names of the nodes that use them.

use std::collections::HashMap;

use crate::onnx::error::WeightsError;
use crate::onnx::ort_format::{self, RawTensor};
use crate::onnx::proto::{FLOAT, UINT8};
use crate::onnx::quantised::Quantised;

/// Weights of one model file.
pub(crate) struct Weights<'a> {
    tensors: HashMap<&'a str, RawTensor<'a>>,
    /// Operator and inputs of the node that writes each value.
    writers: HashMap<&'a str, (&'a str, Vec<&'a str>)>,
}

impl<'a> Weights<'a> {
    /// Reads a file in ONNX Runtime's format.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let (tensors, nodes) = ort_format::read(bytes)?;
        let tensors = tensors.into_iter().map(|t| (t.name, t)).collect();
        let mut writers = HashMap::new();
        for node in nodes {
            for output in node.outputs {
                // A branch precedes the `If` that contains it, and its outputs have the same names: the first
                // writer is the node that computes the value.
                writers.entry(output).or_insert_with(|| (node.op, node.inputs.clone()));
            }
        }
        Ok(Self { tensors, writers })
    }

    fn tensor(&self, name: &str) -> Result<&RawTensor<'a>, WeightsError> {
        self.tensors.get(name).ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    /// Values of a float tensor with `length` elements.
    pub(crate) fn floats(&self, name: &str, length: usize) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensor(name)?;
        let values: Vec<f32> = tensor.data.as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
        if tensor.data_type != FLOAT || values.len() != length {
            return Err(unexpected(tensor, "floats of the required count"));
        }
        Ok(values)
    }

    /// 8-bit tensor `[rows, columns]` with one scale and one zero point.
    pub(crate) fn table(&self, quantised: &str, scale: &str, zero: &str) -> Result<Quantised, WeightsError> {
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

    /// Weights of the matrix product that writes `output`.
    pub(crate) fn product(&self, output: &str) -> Result<Quantised, WeightsError> {
        let (op, inputs) =
            self.writers.get(output).ok_or_else(|| WeightsError::Missing(output.to_owned()))?;
        // Indexes of weight, scale and zero point among the inputs, as defined in ONNX Runtime's contrib set.
        let indexes = match *op {
            "DynamicQuantizeMatMul" => [1, 2, 3],
            "MatMulIntegerToFloat" => [1, 3, 5],
            _ => return Err(WeightsError::Missing(format!("the quantised product that writes {output}"))),
        };
        let at = |index: usize| inputs.get(index).copied().unwrap_or_default();
        self.table(at(indexes[0]), at(indexes[1]), at(indexes[2]))
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
