//! What goes into a model and what comes out.

use ndarray::{ArrayViewD, IxDyn};
use ort::value::{DynValue, TensorElementType};

use crate::{DType, InferenceError};

/// One input of a model.
#[derive(Debug, Clone)]
pub enum Tensor<'a> {
    /// Floats, read in place (rows must lie contiguously).
    F32(ArrayViewD<'a, f32>),
    /// Integers, read in place (rows must lie contiguously).
    I64(ArrayViewD<'a, i64>),
    /// An output of an earlier run, handed on without copying.
    Of(&'a Outputs, &'a str),
}

/// The outputs of one run, by name; readable without copying and usable as inputs of the next model.
#[derive(Debug, Default)]
pub struct Outputs {
    pub(crate) values: Vec<(String, DynValue)>,
}

impl Outputs {
    /// Names of the outputs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn value(&self, name: &str) -> Result<&DynValue, InferenceError> {
        self.values
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
            .ok_or_else(|| InferenceError::Output {
                name: name.to_owned(),
                problem: format!(
                    "there is none; the model gave {}",
                    self.names().collect::<Vec<_>>().join(", ")
                ),
            })
    }

    /// A float output.
    ///
    /// # Errors
    /// [`InferenceError::Output`] when there is no such output or it is of another type.
    pub fn f32(&self, name: &str) -> Result<ArrayViewD<'_, f32>, InferenceError> {
        let wrong = |error: ort::Error| InferenceError::Output {
            name: name.to_owned(),
            problem: error.to_string(),
        };
        self.value(name)?.try_extract_array::<f32>().map_err(wrong)
    }

    /// An integer output.
    ///
    /// # Errors
    /// [`InferenceError::Output`] when there is no such output or it is of another type.
    pub fn i64(&self, name: &str) -> Result<ArrayViewD<'_, i64>, InferenceError> {
        let wrong = |error: ort::Error| InferenceError::Output {
            name: name.to_owned(),
            problem: error.to_string(),
        };
        self.value(name)?.try_extract_array::<i64>().map_err(wrong)
    }

    /// The single float of an output of one element.
    ///
    /// # Errors
    /// [`InferenceError::Output`] when there is no such output, of another type, or with more elements.
    pub fn scalar(&self, name: &str) -> Result<f32, InferenceError> {
        let view = self.f32(name)?;
        match (view.len(), view.first()) {
            (1, Some(value)) => Ok(*value),
            (n, _) => Err(InferenceError::Output {
                name: name.to_owned(),
                problem: format!("has {n} elements, not one"),
            }),
        }
    }
}

pub(crate) fn dtype_of(element: TensorElementType) -> DType {
    match element {
        TensorElementType::Float32 => DType::Float32,
        TensorElementType::Int64 => DType::Int64,
        _ => DType::Other,
    }
}

/// Type and shape of an input as handed in.
pub(crate) fn describe(tensor: &Tensor<'_>) -> Result<(DType, Vec<usize>), InferenceError> {
    Ok(match tensor {
        Tensor::F32(view) => (DType::Float32, view.shape().to_vec()),
        Tensor::I64(view) => (DType::Int64, view.shape().to_vec()),
        Tensor::Of(outputs, name) => {
            let dtype = outputs.value(name)?.dtype().clone();
            let shape = dtype
                .tensor_shape()
                .map(|s| s.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect());
            (
                dtype.tensor_type().map_or(DType::Other, dtype_of),
                shape.unwrap_or_default(),
            )
        }
    })
}

/// A view whose rows lie contiguously, as the back ends read memory.
pub(crate) fn contiguous<'a, T>(view: &'a ArrayViewD<'_, T>) -> Option<(Vec<i64>, &'a [T])> {
    let shape: &IxDyn = &view.raw_dim();
    let shape = ndarray::Dimension::slice(shape)
        .iter()
        .map(|n| i64::try_from(*n).unwrap_or(i64::MAX))
        .collect();
    view.as_slice().map(|slice| (shape, slice))
}
