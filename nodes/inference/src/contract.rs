//! What a manifest says about a model: file, digest, inputs and outputs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DType {
    /// 32-bit float.
    Float32,
    /// 64-bit signed integer.
    Int64,
    /// Any type that this crate does not exchange with models.
    #[serde(skip)]
    Other,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Int64 => "int64",
            Self::Other => "another type",
        })
    }
}

/// One extent of a tensor's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Exactly this many.
    Fixed(usize),
    /// Decided by each call; `any` in YAML.
    Any,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(n) => write!(f, "{n}"),
            Self::Any => f.write_str("any"),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum DimensionText {
    Fixed(usize),
    Word(String),
}

impl Serialize for Dimension {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(n) => DimensionText::Fixed(*n),
            Self::Any => DimensionText::Word("any".to_owned()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Dimension {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match DimensionText::deserialize(deserializer)? {
            DimensionText::Fixed(n) => Ok(Self::Fixed(n)),
            DimensionText::Word(word) if word == "any" => Ok(Self::Any),
            DimensionText::Word(word) => Err(serde::de::Error::custom(format!(
                "a dimension is a number or `any`, not {word:?}"
            ))),
        }
    }
}

/// Name, type and shape of one input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Name in the ONNX graph.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Extents, outermost first.
    pub shape: Vec<Dimension>,
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [", self.name, self.dtype)?;
        for (i, extent) in self.shape.iter().enumerate() {
            write!(f, "{}{extent}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

impl TensorSpec {
    /// Whether a tensor of `other`'s description can stand where `self` is promised.
    ///
    /// `Any` on either side fits every extent: back ends report computed output shapes loosely.
    fn fits(&self, other: &Self) -> bool {
        self.dtype == other.dtype
            && self.shape.len() == other.shape.len()
            && self.shape.iter().zip(&other.shape).all(|pair| match pair {
                (Dimension::Fixed(a), Dimension::Fixed(b)) => a == b,
                _ => true,
            })
    }

    /// Whether a concrete shape fits.
    pub(crate) fn accepts(&self, shape: &[usize]) -> bool {
        self.shape.len() == shape.len()
            && self
                .shape
                .iter()
                .zip(shape)
                .all(|(extent, n)| match extent {
                    Dimension::Fixed(fixed) => fixed == n,
                    Dimension::Any => true,
                })
    }
}

/// Inputs and outputs that a model must have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Inputs, in any order; the model may have no others.
    pub inputs: Vec<TensorSpec>,
    /// Outputs that must be there; the model may have more.
    pub outputs: Vec<TensorSpec>,
}

impl Contract {
    /// Every difference between this contract and what a model offers, in words; empty when it keeps it.
    pub fn problems(&self, inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Vec<String> {
        let mut problems = Vec::new();
        for (side, wanted, found) in [
            ("input", &self.inputs, inputs),
            ("output", &self.outputs, outputs),
        ] {
            for spec in wanted {
                match found.iter().find(|f| f.name == spec.name) {
                    None => problems.push(format!(
                        "{side} {:?} is missing (the model has {})",
                        spec.name,
                        found
                            .iter()
                            .map(|f| format!("{:?}", f.name))
                            .collect::<Vec<_>>()
                            .join(", ")
                    )),
                    Some(f) if !spec.fits(f) => {
                        problems.push(format!("{side} should be `{spec}`, the model has `{f}`"));
                    }
                    Some(_) => {}
                }
            }
        }
        for found in inputs {
            if !self.inputs.iter().any(|spec| spec.name == found.name) {
                problems.push(format!(
                    "the model wants an input `{found}` that the contract does not name"
                ));
            }
        }
        problems
    }
}

/// The part of a manifest that describes one ONNX file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelDescription {
    /// File, relative to the manifest.
    pub file: std::path::PathBuf,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Inputs that the file must have.
    pub inputs: Vec<TensorSpec>,
    /// Outputs that the file must have.
    pub outputs: Vec<TensorSpec>,
}

impl ModelDescription {
    /// The inputs and outputs as a contract.
    pub fn contract(&self) -> Contract {
        Contract {
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> TensorSpec {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn reads_and_prints_specs() {
        let image = spec("{ name: image, dtype: float32, shape: [1, 3, any, 640] }");
        assert_eq!(image.to_string(), "image: float32 [1, 3, any, 640]");
        assert!(
            serde_yaml::from_str::<TensorSpec>("{ name: a, dtype: float16, shape: [] }").is_err()
        );
        assert!(
            serde_yaml::from_str::<TensorSpec>("{ name: a, dtype: int64, shape: [some] }").is_err()
        );
        let again: TensorSpec =
            serde_yaml::from_str(&serde_yaml::to_string(&image).unwrap()).unwrap();
        assert_eq!(again, image);
    }

    #[test]
    fn names_every_difference() {
        let contract = Contract {
            inputs: vec![
                spec("{ name: a, dtype: float32, shape: [1, 4] }"),
                spec("{ name: b, dtype: int64, shape: [2] }"),
            ],
            outputs: vec![spec("{ name: y, dtype: float32, shape: [1, 2] }")],
        };
        let inputs = [
            spec("{ name: a, dtype: float32, shape: [1, 5] }"),
            spec("{ name: c, dtype: int64, shape: [any] }"),
        ];
        let outputs = [spec("{ name: y, dtype: float32, shape: [any, 2] }")];
        let problems = contract.problems(&inputs, &outputs);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("[1, 4]") && problems[0].contains("[1, 5]"));
        assert!(problems[1].contains("\"b\" is missing"));
        assert!(problems[2].contains("c: int64"));
    }
}
