//! A graph under way: nodes in the order in which they are reckoned, constants, inputs and outputs.

use super::proto::{
    AttributeProto, GraphProto, Kind, NodeProto, TensorDimension, TensorProto, TensorShapeProto, TensorType,
    TypeProto, ValueInfoProto,
};

/// The types of tensors, as ONNX numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Float = 1,
    Int64 = 7,
    Text = 8,
    Bool = 9,
    Double = 11,
}

/// The domain of operators for classical models.
pub const ML: &str = "ai.onnx.ml";

/// The name of what a node brings out.
pub type Wire = String;

#[derive(Debug, Default)]
pub struct Graph {
    proto: GraphProto,
    names: usize,
    /// Before all names, so that those of a graph within another differ from the outer one's.
    prefix: String,
}

impl Graph {
    pub fn new(name: &str, prefix: &str) -> Self {
        let proto = GraphProto { name: name.to_owned(), ..GraphProto::default() };
        Self { proto, names: 0, prefix: prefix.to_owned() }
    }

    fn fresh(&mut self, kind: &str) -> Wire {
        self.names += 1;
        format!("{}{kind}_{}", self.prefix, self.names)
    }

    /// An input; each size a number, or `None` for as many as there are rows.
    pub fn input(&mut self, name: &str, of: Type, sizes: &[Option<i64>]) -> Wire {
        self.proto.input.push(info(name, of, sizes));
        name.to_owned()
    }

    pub fn output(&mut self, name: &str, wire: &str, of: Type, sizes: &[Option<i64>]) {
        self.proto.node.push(NodeProto {
            input: vec![wire.to_owned()],
            output: vec![name.to_owned()],
            op_type: "Identity".into(),
            name: format!("output {name}"),
            ..NodeProto::default()
        });
        self.proto.output.push(info(name, of, sizes));
    }

    pub fn doubles(&mut self, sizes: &[usize], values: impl IntoIterator<Item = f64>) -> Wire {
        let raw = values.into_iter().flat_map(f64::to_le_bytes).collect();
        self.constant(tensor(Type::Double, sizes, raw))
    }

    pub fn floats(&mut self, sizes: &[usize], values: impl IntoIterator<Item = f32>) -> Wire {
        let raw = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.constant(tensor(Type::Float, sizes, raw))
    }

    pub fn integers(&mut self, sizes: &[usize], values: impl IntoIterator<Item = i64>) -> Wire {
        let raw = values.into_iter().flat_map(i64::to_le_bytes).collect();
        self.constant(tensor(Type::Int64, sizes, raw))
    }

    pub fn texts(&mut self, values: &[String]) -> Wire {
        let string_data = values.iter().map(|value| value.clone().into_bytes()).collect();
        let sizes = vec![values.len() as i64];
        self.constant(TensorProto {
            dims: sizes,
            data_type: Type::Text as i32,
            string_data,
            ..TensorProto::default()
        })
    }

    fn constant(&mut self, mut tensor: TensorProto) -> Wire {
        let name = self.fresh("constant");
        tensor.name.clone_from(&name);
        self.proto.initializer.push(tensor);
        name
    }

    /// Adds a node and returns its first output.
    pub fn node(&mut self, kind: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Wire {
        self.outputs(kind, "", inputs, attributes, 1).swap_remove(0)
    }

    pub fn ml(&mut self, kind: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Wire {
        self.outputs(kind, ML, inputs, attributes, 1).swap_remove(0)
    }

    pub fn outputs(
        &mut self,
        kind: &str,
        domain: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
        count: usize,
    ) -> Vec<Wire> {
        let outputs: Vec<Wire> = (0..count).map(|_| self.fresh(&kind.to_lowercase())).collect();
        self.proto.node.push(NodeProto {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: outputs.clone(),
            name: outputs[0].clone(),
            op_type: kind.to_owned(),
            attribute: attributes,
            domain: domain.to_owned(),
        });
        outputs
    }

    pub fn cast(&mut self, wire: &str, to: Type) -> Wire {
        self.node("Cast", &[wire], vec![int("to", to as i64)])
    }

    pub fn reshape(&mut self, wire: &str, sizes: &[i64]) -> Wire {
        let sizes = self.integers(&[sizes.len()], sizes.iter().copied());
        self.node("Reshape", &[wire, &sizes], Vec::new())
    }

    pub fn sum(&mut self, wire: &str, axis: i64, keeps: bool) -> Wire {
        let axes = self.integers(&[1], [axis]);
        self.node("ReduceSum", &[wire, &axes], vec![int("keepdims", i64::from(keeps))])
    }

    pub fn finish(self) -> GraphProto {
        self.proto
    }
}

pub fn tensor(of: Type, sizes: &[usize], raw: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: sizes.iter().map(|size| *size as i64).collect(),
        data_type: of as i32,
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}

pub fn info(name: &str, of: Type, sizes: &[Option<i64>]) -> ValueInfoProto {
    let dimension = |size: &Option<i64>| match size {
        Some(size) => TensorDimension { dim_value: Some(*size), dim_param: None },
        None => TensorDimension { dim_value: None, dim_param: Some("rows".into()) },
    };
    let shape = TensorShapeProto { dim: sizes.iter().map(dimension).collect() };
    let tensor_type = TensorType { elem_type: of as i32, shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

fn attribute(name: &str, kind: Kind) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: kind as i32, ..AttributeProto::default() }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, Kind::Int) }
}

pub fn ints(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto { ints: values, ..attribute(name, Kind::Ints) }
}

pub fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.as_bytes().to_vec()), ..attribute(name, Kind::String) }
}

pub fn texts(name: &str, values: impl IntoIterator<Item = String>) -> AttributeProto {
    let strings = values.into_iter().map(String::into_bytes).collect();
    AttributeProto { strings, ..attribute(name, Kind::Strings) }
}

pub fn doubles(name: &str, values: impl IntoIterator<Item = f64>) -> AttributeProto {
    let raw: Vec<u8> = values.into_iter().flat_map(f64::to_le_bytes).collect();
    let value = tensor(Type::Double, &[raw.len() / 8], raw);
    AttributeProto { t: Some(value), ..attribute(name, Kind::Tensor) }
}

pub fn graph(name: &str, value: GraphProto) -> AttributeProto {
    AttributeProto { g: Some(value), ..attribute(name, Kind::Graph) }
}
