//! Runs ONNX models: load, check, introspect, run, time.
//!
//! A [`Model`] is one ONNX file in memory. Which code runs it is decided once per process by the
//! [`Runtime`]: ONNX Runtime when its shared library is found (see [`find_onnxruntime`]), else the
//! pure-Rust tract, which needs nothing installed. Callers do not see the difference, except in speed.
//!
//! Before anything runs, the file is checked: it exists, its SHA-256 is the one that a manifest
//! promises, it parses, and its inputs and outputs are those of the manifest's contract. Each of these
//! failures is an [`InferenceError`] of its own that says what to do.
//!
//! ```no_run
//! use inference::{Contract, Model, ModelOptions, Tensor};
//! use ndarray::Array2;
//!
//! # fn main() -> Result<(), inference::InferenceError> {
//! let mut model = Model::load("models/policy.onnx".as_ref(), &ModelOptions::default())?;
//! for input in model.inputs() {
//!     println!("{input}"); // observation: float32 [1, 60]
//! }
//! let observation = Array2::<f32>::zeros((1, 60)).into_dyn();
//! let outputs = model.run(&[("observation", Tensor::F32(observation.view()))])?;
//! println!("{:?} in {:?}", outputs.f32("action")?, model.last_latency());
//! # Ok(())
//! # }
//! ```
//!
//! [`Model::load_described`] takes a [`ModelDescription`], the part of a manifest that names the file,
//! its digest and its contract:
//!
//! ```yaml
//! file: encoder.onnx
//! sha256: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
//! inputs:
//!   - { name: image, dtype: float32, shape: [1, 3, 360, 640] }
//! outputs:
//!   - { name: features, dtype: float32, shape: [1, 64, any, any] }
//! ```
//!
//! The same file, input, back end and thread count give the same output, bit for bit.

mod contract;
mod digest;
mod error;
mod model;
mod runtime;
mod tensor;

pub use contract::{Contract, DType, Dimension, ModelDescription, TensorSpec};
pub use digest::sha256_hex;
pub use error::InferenceError;
pub use model::{Model, ModelOptions};
pub use runtime::{Backend, BackendChoice, Runtime, find_onnxruntime};
pub use tensor::{Outputs, Tensor};
