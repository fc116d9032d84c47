//! Builder of ONNX graphs. Values are numbered in the order of creation, so that the same calls give the same
//! bytes.

use prost::Message;

use crate::onnx::domain::{CONTRIB, OPERATOR_DOMAIN};
use crate::onnx::proto::{
    AttributeProto, Dimension, FLOAT, GraphProto, INT64, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, UINT8, ValueInfoProto, dimension,
};

/// Attribute of a node.
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

/// Graph under construction.
#[derive(Default)]
pub(crate) struct Graph {
    proto: GraphProto,
    /// Number of values so far.
    values: usize,
}

impl Graph {
    /// Creates an empty graph.
    pub(crate) fn new(name: &str) -> Self {
        Self { proto: GraphProto { name: name.to_owned(), ..GraphProto::default() }, values: 0 }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.values += 1;
        format!("{prefix}{}", self.values)
    }

    fn constant(&mut self, data_type: i32, dims: &[usize], raw_data: Vec<u8>) -> String {
        let name = self.name("c");
        let dims = dims.iter().map(|&d| d as i64).collect();
        self.proto.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        name
    }

    /// Adds a constant of floats; its name.
    pub(crate) fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        self.constant(FLOAT, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Adds a constant of bytes; its name.
    pub(crate) fn bytes(&mut self, dims: &[usize], values: &[u8]) -> String {
        self.constant(UINT8, dims, values.to_vec())
    }

    /// Adds a constant vector of integers; its name.
    pub(crate) fn ints(&mut self, values: &[i64]) -> String {
        self.constant(INT64, &[values.len()], values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Adds a constant integer without dimensions; its name.
    pub(crate) fn int(&mut self, value: i64) -> String {
        self.constant(INT64, &[], value.to_le_bytes().to_vec())
    }

    /// Adds a node with named outputs.
    pub(crate) fn named(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[String],
        outputs: &[String],
        attributes: &[(&str, Attribute)],
    ) {
        let attribute = attributes
            .iter()
            .map(|(name, value)| {
                let mut proto = AttributeProto { name: (*name).to_owned(), ..AttributeProto::default() };
                match value {
                    Attribute::Float(f) => (proto.f, proto.r#type) = (*f, 1),
                    Attribute::Int(i) => (proto.i, proto.r#type) = (*i, 2),
                    Attribute::Ints(i) => (proto.ints, proto.r#type) = (i.clone(), 7),
                }
                proto
            })
            .collect();
        self.proto.node.push(NodeProto {
            input: inputs.to_vec(),
            output: outputs.to_vec(),
            name: outputs.first().cloned().unwrap_or_default(),
            op_type: op.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    /// Adds a node with `N` outputs; their names.
    pub(crate) fn nodes<const N: usize>(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[String],
        attributes: &[(&str, Attribute)],
    ) -> [String; N] {
        let outputs = std::array::from_fn(|_| self.name("v"));
        self.named(domain, op, inputs, &outputs, attributes);
        outputs
    }

    /// Adds a node with one output; its name.
    pub(crate) fn node(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[String],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let [output] = self.nodes(domain, op, inputs, attributes);
        output
    }

    /// Adds a node of the standard operator set, without attributes and with one output; its name.
    pub(crate) fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        let inputs: Vec<String> = inputs.iter().map(|&i| i.to_owned()).collect();
        self.node("", op, &inputs, &[])
    }

    /// Declares an input.
    pub(crate) fn input(&mut self, name: &str, data_type: i32, dims: &[&str]) {
        self.proto.input.push(value_info(name, data_type, dims));
    }

    /// Declares an output.
    pub(crate) fn output(&mut self, name: &str, data_type: i32, dims: &[&str]) {
        self.proto.output.push(value_info(name, data_type, dims));
    }

    /// Encodes the model file.
    pub(crate) fn encode(self) -> Vec<u8> {
        let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
        ModelProto {
            // 10 is for opset 18 and later; ONNX Runtime 1.18 and later read it.
            ir_version: 10,
            producer_name: "verbatim".to_owned(),
            graph: Some(self.proto),
            opset_import: vec![opset("", 18), opset(CONTRIB, 1), opset(OPERATOR_DOMAIN, 1)],
        }
        .encode_to_vec()
    }
}

/// Typed input or output. A dimension that is not a number is symbolic.
fn value_info(name: &str, elem_type: i32, dims: &[&str]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|d| Dimension {
            value: Some(
                d.parse()
                    .map_or_else(|_| dimension::Value::DimParam((*d).to_owned()), dimension::Value::DimValue),
            ),
        })
        .collect();
    let tensor_type = Some(TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}
