//! Reader of ONNX Runtime's own model format (flatbuffers, `ort.fbs`). Reads only weights and the nodes that
//! use them.
//!
//! Every offset is checked, so that a damaged file gives an error and never a panic. Slots are the field
//! numbers of `onnxruntime/core/flatbuffers/schema/ort.fbs`.

use crate::onnx::error::WeightsError;

/// Vtable slots, with the names of the schema.
mod slot {
    pub(super) const SESSION_MODEL: usize = 6;
    pub(super) const MODEL_GRAPH: usize = 18;
    pub(super) const GRAPH_INITIALIZERS: usize = 4;
    pub(super) const GRAPH_NODES: usize = 8;
    pub(super) const TENSOR_NAME: usize = 4;
    pub(super) const TENSOR_DIMS: usize = 8;
    pub(super) const TENSOR_TYPE: usize = 10;
    pub(super) const TENSOR_DATA: usize = 12;
    pub(super) const NODE_OP: usize = 14;
    pub(super) const NODE_INPUTS: usize = 20;
    pub(super) const NODE_OUTPUTS: usize = 22;
    pub(super) const NODE_ATTRIBUTES: usize = 24;
    pub(super) const ATTRIBUTE_NAME: usize = 4;
    pub(super) const ATTRIBUTE_GRAPH: usize = 18;
}

/// Tensor as stored in the file.
pub(super) struct RawTensor<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<usize>,
    /// `TensorProto.DataType` of ONNX.
    pub(super) data_type: i32,
    pub(super) data: &'a [u8],
}

/// Node: operator, inputs and outputs.
pub(super) struct RawNode<'a> {
    pub(super) op: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
}

/// Reads all tensors and nodes of a file, including those in the cached branch of an `If`, but not in its
/// other branch.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<RawTensor<'_>>, Vec<RawNode<'_>>), WeightsError> {
    let buffer = Buffer(bytes);
    let root = buffer.table(buffer.u32(0)? as usize)?;
    let graph = root.child(slot::SESSION_MODEL)?.child(slot::MODEL_GRAPH)?;
    let (mut tensors, mut nodes) = (Vec::new(), Vec::new());
    collect(graph, &mut tensors, &mut nodes, 0)?;
    Ok((tensors, nodes))
}

/// Maximum nesting of graphs. The vendor's decoder has one `If` inside the main graph.
const MAX_DEPTH: usize = 4;

fn collect<'a>(
    graph: Table<'a>,
    tensors: &mut Vec<RawTensor<'a>>,
    nodes: &mut Vec<RawNode<'a>>,
    depth: usize,
) -> Result<(), WeightsError> {
    if depth > MAX_DEPTH {
        return Err(WeightsError::Malformed("graphs nested too deeply"));
    }
    for tensor in graph.tables(slot::GRAPH_INITIALIZERS)? {
        tensors.push(RawTensor {
            name: tensor.string(slot::TENSOR_NAME)?,
            dims: tensor.i64s(slot::TENSOR_DIMS)?.into_iter().map(|d| d.max(0) as usize).collect(),
            data_type: tensor.i32(slot::TENSOR_TYPE)?,
            data: tensor.bytes(slot::TENSOR_DATA)?,
        });
    }
    for node in graph.tables(slot::GRAPH_NODES)? {
        for attribute in node.tables(slot::NODE_ATTRIBUTES)? {
            // The other branch, without a cache, repeats the same weights.
            if attribute.string(slot::ATTRIBUTE_NAME)? == "else_branch" {
                collect(attribute.child(slot::ATTRIBUTE_GRAPH)?, tensors, nodes, depth + 1)?;
            }
        }
        nodes.push(RawNode {
            op: node.string(slot::NODE_OP)?,
            inputs: node.strings(slot::NODE_INPUTS)?,
            outputs: node.strings(slot::NODE_OUTPUTS)?,
        });
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Buffer<'a>(&'a [u8]);

impl<'a> Buffer<'a> {
    fn slice(self, at: usize, length: usize) -> Result<&'a [u8], WeightsError> {
        at.checked_add(length)
            .and_then(|end| self.0.get(at..end))
            .ok_or(WeightsError::Malformed("an offset points outside of the file"))
    }

    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], WeightsError> {
        let mut out = [0; N];
        out.copy_from_slice(self.slice(at, N)?);
        Ok(out)
    }

    fn u16(self, at: usize) -> Result<u16, WeightsError> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: usize) -> Result<u32, WeightsError> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn table(self, at: usize) -> Result<Table<'a>, WeightsError> {
        let back = self.array(at).map(i32::from_le_bytes)?;
        let vtable = i64::try_from(at).ok().and_then(|at| usize::try_from(at - i64::from(back)).ok());
        let vtable = vtable.ok_or(WeightsError::Malformed("a vtable lies outside of the file"))?;
        Ok(Table { buffer: self, at, vtable })
    }

    /// Position that the offset at `at` points to.
    fn follow(self, at: usize) -> Result<usize, WeightsError> {
        Ok(at + self.u32(at)? as usize)
    }

    /// Length of the vector at `at`, and position of its first element.
    fn vector(self, at: usize) -> Result<(usize, usize), WeightsError> {
        Ok((self.u32(at)? as usize, at + 4))
    }

    fn string(self, at: usize) -> Result<&'a str, WeightsError> {
        let (length, first) = self.vector(at)?;
        std::str::from_utf8(self.slice(first, length)?)
            .map_err(|_| WeightsError::Malformed("a name is not UTF-8"))
    }
}

#[derive(Clone, Copy)]
struct Table<'a> {
    buffer: Buffer<'a>,
    at: usize,
    vtable: usize,
}

impl<'a> Table<'a> {
    /// Position of a field; `None` if the file omits it.
    fn field(self, slot: usize) -> Result<Option<usize>, WeightsError> {
        if usize::from(self.buffer.u16(self.vtable)?) <= slot {
            return Ok(None);
        }
        let offset = usize::from(self.buffer.u16(self.vtable + slot)?);
        Ok((offset != 0).then_some(self.at + offset))
    }

    fn child(self, slot: usize) -> Result<Table<'a>, WeightsError> {
        let at = self.field(slot)?.ok_or(WeightsError::Malformed("a part is missing"))?;
        self.buffer.table(self.buffer.follow(at)?)
    }

    fn i32(self, slot: usize) -> Result<i32, WeightsError> {
        self.field(slot)?.map_or(Ok(0), |at| self.buffer.array(at).map(i32::from_le_bytes))
    }

    fn string(self, slot: usize) -> Result<&'a str, WeightsError> {
        self.field(slot)?.map_or(Ok(""), |at| self.buffer.string(self.buffer.follow(at)?))
    }

    fn bytes(self, slot: usize) -> Result<&'a [u8], WeightsError> {
        let Some(at) = self.field(slot)? else { return Ok(&[]) };
        let (length, first) = self.buffer.vector(self.buffer.follow(at)?)?;
        self.buffer.slice(first, length)
    }

    fn i64s(self, slot: usize) -> Result<Vec<i64>, WeightsError> {
        let Some(at) = self.field(slot)? else { return Ok(Vec::new()) };
        let (length, first) = self.buffer.vector(self.buffer.follow(at)?)?;
        let bytes = self.buffer.slice(first, length.saturating_mul(8))?;
        Ok(bytes.as_chunks().0.iter().map(|c| i64::from_le_bytes(*c)).collect())
    }

    /// Positions that a vector of offsets points to.
    fn targets(self, slot: usize) -> Result<Vec<usize>, WeightsError> {
        let Some(at) = self.field(slot)? else { return Ok(Vec::new()) };
        let (length, first) = self.buffer.vector(self.buffer.follow(at)?)?;
        self.buffer.slice(first, length.saturating_mul(4))?;
        (0..length).map(|i| self.buffer.follow(first + 4 * i)).collect()
    }

    fn tables(self, slot: usize) -> Result<Vec<Table<'a>>, WeightsError> {
        self.targets(slot)?.into_iter().map(|at| self.buffer.table(at)).collect()
    }

    fn strings(self, slot: usize) -> Result<Vec<&'a str>, WeightsError> {
        self.targets(slot)?.into_iter().map(|at| self.buffer.string(at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn damaged_files_give_errors_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = super::read(&bytes);
        }
    }
}
