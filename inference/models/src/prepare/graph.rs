//! A small builder of ONNX graphs: values are named by numbers, in the order in which they are made, so that the same
//! calls give the same bytes.

use prost::Message;

use super::OPERATOR_DOMAIN;
use super::onnx::{
    AttributeProto, Dimension, FLOAT, GraphProto, INT64, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, UINT8, ValueInfoProto, dimension,
};
use super::quantise::CONTRIB;

/// A node's attribute.
pub(super) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

/// A graph in the making.
#[derive(Default)]
pub(super) struct Graph {
    proto: GraphProto,
    made: usize,
}

impl Graph {
    pub(super) fn new(name: &str) -> Self {
        Self { proto: GraphProto { name: name.to_owned(), ..GraphProto::default() }, made: 0 }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}{}", self.made)
    }

    fn constant(&mut self, data_type: i32, dims: &[usize], raw_data: Vec<u8>) -> String {
        let name = self.name("c");
        let dims = dims.iter().map(|&d| d as i64).collect();
        self.proto.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        name
    }

    pub(super) fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        self.constant(FLOAT, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    pub(super) fn bytes(&mut self, dims: &[usize], values: &[u8]) -> String {
        self.constant(UINT8, dims, values.to_vec())
    }

    pub(super) fn ints(&mut self, values: &[i64]) -> String {
        self.constant(INT64, &[values.len()], values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// A number, without dimensions.
    pub(super) fn int(&mut self, value: i64) -> String {
        self.constant(INT64, &[], value.to_le_bytes().to_vec())
    }

    /// A node with named outputs.
    pub(super) fn named(
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

    /// A node with `N` outputs.
    pub(super) fn nodes<const N: usize>(
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

    /// A node with one output.
    pub(super) fn node(
        &mut self,
        domain: &str,
        op: &str,
        inputs: &[String],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let [output] = self.nodes(domain, op, inputs, attributes);
        output
    }

    /// A node of the standard operator set without attributes.
    pub(super) fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        let inputs: Vec<String> = inputs.iter().map(|&i| i.to_owned()).collect();
        self.node("", op, &inputs, &[])
    }

    pub(super) fn input(&mut self, name: &str, data_type: i32, dims: &[&str]) {
        self.proto.input.push(value_info(name, data_type, dims));
    }

    pub(super) fn output(&mut self, name: &str, data_type: i32, dims: &[&str]) {
        self.proto.output.push(value_info(name, data_type, dims));
    }

    /// The model's bytes.
    pub(super) fn encode(self) -> Vec<u8> {
        let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
        ModelProto {
            // 10 goes with opset 18 and newer; ONNX Runtime 1.18 and newer read it.
            ir_version: 10,
            producer_name: "verbatim".to_owned(),
            graph: Some(self.proto),
            opset_import: vec![opset("", 18), opset(CONTRIB, 1), opset(OPERATOR_DOMAIN, 1)],
        }
        .encode_to_vec()
    }
}

/// A typed input or output; a dimension that is no number is symbolic.
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
