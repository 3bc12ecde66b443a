//! What computes a learned policy.

use std::path::Path;

use inference::{
    DType, Dimension, InferenceError, Model, ModelDescription, ModelOptions, Tensor, TensorSpec,
};
use ndarray::ArrayD;

use crate::manifest::{Action, Input, NetworkFile};
use crate::observation::input_shape;

/// Computes an action from observations.
pub trait Network {
    /// One step: inputs by name, each with a batch of one; the output is the action, flattened.
    fn run(&mut self, inputs: &[(String, ArrayD<f32>)]) -> Result<Vec<f32>, InferenceError>;
}

/// An ONNX file.
#[derive(Debug)]
pub struct OnnxNetwork {
    model: Model,
    output: String,
}

impl OnnxNetwork {
    /// Loads the file, relative to `folder`, and checks its digest, inputs and output against the manifest.
    pub fn load(
        folder: &Path,
        file: &NetworkFile,
        inputs: &[Input],
        action: &Action,
        options: &ModelOptions,
    ) -> Result<Self, InferenceError> {
        let spec = |name: &str, shape: Vec<usize>| TensorSpec {
            name: name.to_owned(),
            dtype: DType::Float32,
            shape: shape.into_iter().map(Dimension::Fixed).collect(),
        };
        let description = ModelDescription {
            file: file.file.clone(),
            sha256: file.sha256.clone(),
            inputs: inputs
                .iter()
                .map(|input| spec(&input.input, input_shape(input)))
                .collect(),
            outputs: vec![spec(&file.output, vec![1, action.size()])],
        };
        let model = Model::load_described(folder, &description, options)?;
        Ok(Self {
            model,
            output: file.output.clone(),
        })
    }
}

impl Network for OnnxNetwork {
    fn run(&mut self, inputs: &[(String, ArrayD<f32>)]) -> Result<Vec<f32>, InferenceError> {
        let tensors: Vec<(&str, Tensor<'_>)> = inputs
            .iter()
            .map(|(name, array)| (name.as_str(), Tensor::F32(array.view())))
            .collect();
        let outputs = self.model.run(&tensors)?;
        Ok(outputs.f32(&self.output)?.iter().copied().collect())
    }
}
