//! One ONNX model in memory.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ndarray::ArrayD;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{TensorRef, ValueType};

use crate::tensor::{contiguous, describe, dtype_of};
use crate::{
    Backend, BackendChoice, Contract, DType, Dimension, InferenceError, ModelDescription, Outputs,
    Runtime, Tensor, TensorSpec, sha256_hex,
};

/// How a model is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelOptions {
    /// Back end; chosen once per process.
    pub backend: BackendChoice,
    /// Threads that one run may use; `None` leaves it to the back end. tract always uses one.
    pub threads: Option<usize>,
}

/// An ONNX model, loaded, checked and ready to run.
pub struct Model {
    path: PathBuf,
    session: Session,
    backend: Backend,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    last_latency: Duration,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("path", &self.path)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Loads an ONNX file whatever its inputs and outputs are.
    ///
    /// # Errors
    /// [`InferenceError::Read`], [`InferenceError::Parse`], or a back end's [`InferenceError::Backend`].
    pub fn load(path: &Path, options: &ModelOptions) -> Result<Self, InferenceError> {
        Self::from_bytes(path, &read(path)?, options)
    }

    /// Loads the file that `description` names, relative to `folder`, and checks digest and contract.
    ///
    /// # Errors
    /// As [`Model::load`], and [`InferenceError::Digest`] and [`InferenceError::Contract`].
    pub fn load_described(
        folder: &Path,
        description: &ModelDescription,
        options: &ModelOptions,
    ) -> Result<Self, InferenceError> {
        let path = folder.join(&description.file);
        let bytes = read(&path)?;
        let found = sha256_hex(&bytes);
        if !found.eq_ignore_ascii_case(&description.sha256) {
            return Err(InferenceError::Digest {
                path,
                expected: description.sha256.clone(),
                found,
            });
        }
        let model = Self::from_bytes(&path, &bytes, options)?;
        model.check(&description.contract())?;
        Ok(model)
    }

    fn from_bytes(
        path: &Path,
        bytes: &[u8],
        options: &ModelOptions,
    ) -> Result<Self, InferenceError> {
        let runtime = Runtime::get(&options.backend)?;
        let parse = |error: ort::Error| InferenceError::Parse {
            path: path.to_path_buf(),
            backend: runtime.backend().to_string(),
            reason: error.to_string(),
        };
        // tract knows none of these options but the level; what it does not know it may ignore.
        let mut builder = Session::builder(runtime.environment())
            .map_err(parse)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .unwrap_or_else(ort::Error::recover);
        if matches!(runtime.backend(), Backend::OnnxRuntime(_)) {
            builder = builder
                .with_deterministic_compute(true)
                .unwrap_or_else(ort::Error::recover)
                // Idle workers that spin would take the cores that the other nodes need.
                .with_intra_op_spinning(false)
                .unwrap_or_else(ort::Error::recover);
            if let Some(threads) = options.threads {
                builder = builder
                    .with_intra_threads(threads)
                    .unwrap_or_else(ort::Error::recover);
            }
        }
        let session = builder.commit_from_memory(bytes).map_err(parse)?;
        let specs = |outlets: &[ort::value::Outlet]| {
            outlets
                .iter()
                .map(|o| spec(o.name(), o.dtype()))
                .collect::<Vec<_>>()
        };
        let (inputs, outputs) = (specs(session.inputs()), specs(session.outputs()));
        if inputs.is_empty() || outputs.is_empty() {
            return Err(InferenceError::Parse {
                path: path.to_path_buf(),
                backend: runtime.backend().to_string(),
                reason: "the graph has no inputs or no outputs".to_owned(),
            });
        }
        Ok(Self {
            path: path.to_path_buf(),
            session,
            backend: runtime.backend().clone(),
            inputs,
            outputs,
            last_latency: Duration::ZERO,
        })
    }

    /// Checks the model's inputs and outputs against a contract.
    ///
    /// # Errors
    /// [`InferenceError::Contract`] with every difference.
    pub fn check(&self, contract: &Contract) -> Result<(), InferenceError> {
        let problems = contract.problems(&self.inputs, &self.outputs);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(InferenceError::Contract {
                path: self.path.clone(),
                problems: problems.join("; "),
            })
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What runs it.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Inputs as the file declares them.
    pub fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    /// Outputs as the file declares them.
    pub fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    /// How long the last run took.
    pub fn last_latency(&self) -> Duration {
        self.last_latency
    }

    /// Runs the model on named inputs.
    ///
    /// # Errors
    /// [`InferenceError::Input`] when a name, type or shape does not fit, [`InferenceError::Run`] when the
    /// back end fails.
    pub fn run(&mut self, inputs: &[(&str, Tensor<'_>)]) -> Result<Outputs, InferenceError> {
        let refuse = |problem: String| InferenceError::Input {
            path: self.path.clone(),
            problem,
        };
        for spec in &self.inputs {
            let given = inputs.iter().find(|(name, _)| *name == spec.name);
            let Some((_, tensor)) = given else {
                return Err(refuse(format!("`{spec}` was not given")));
            };
            let (dtype, shape) = describe(tensor)?;
            if dtype != spec.dtype || !spec.accepts(&shape) {
                return Err(refuse(format!("wants `{spec}`, got {dtype} {shape:?}")));
            }
        }
        if let Some((name, _)) = inputs
            .iter()
            .find(|(name, _)| !self.inputs.iter().any(|spec| spec.name == *name))
        {
            return Err(refuse(format!("the model has no input {name:?}")));
        }

        let failed = |error: ort::Error| InferenceError::Run {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let scattered =
            |name: &str| refuse(format!("{name:?} does not lie contiguously in memory"));
        let mut feed: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(inputs.len());
        // In the graph's order: tract binds by position.
        for spec in &self.inputs {
            let Some((name, tensor)) = inputs.iter().find(|(name, _)| *name == spec.name) else {
                continue;
            };
            let value: SessionInputValue<'_> = match tensor {
                Tensor::F32(view) => {
                    let data = contiguous(view).ok_or_else(|| scattered(name))?;
                    TensorRef::from_array_view(data).map_err(failed)?.into()
                }
                Tensor::I64(view) => {
                    let data = contiguous(view).ok_or_else(|| scattered(name))?;
                    TensorRef::from_array_view(data).map_err(failed)?.into()
                }
                Tensor::Of(outputs, name) => outputs.value(name)?.into(),
            };
            feed.push((Cow::Borrowed(*name), value));
        }
        let start = Instant::now();
        let path = &self.path;
        let mut produced = self
            .session
            .run(feed)
            .map_err(|error| InferenceError::Run {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let values = self
            .outputs
            .iter()
            .filter_map(|spec| {
                produced
                    .remove(&spec.name)
                    .map(|value| (spec.name.clone(), value))
            })
            .collect();
        drop(produced);
        self.last_latency = start.elapsed();
        Ok(Outputs { values })
    }

    /// Runs once on zeros (free dimensions taken as one), so that the first real run is not the slow one.
    ///
    /// # Errors
    /// As [`Model::run`].
    pub fn warm_up(&mut self) -> Result<Duration, InferenceError> {
        let shape = |spec: &TensorSpec| -> Vec<usize> {
            spec.shape
                .iter()
                .map(|extent| {
                    if let Dimension::Fixed(n) = extent {
                        *n
                    } else {
                        1
                    }
                })
                .collect()
        };
        let specs = self.inputs.clone();
        let floats: Vec<ArrayD<f32>> = specs
            .iter()
            .map(|s| {
                ArrayD::zeros(if s.dtype == DType::Float32 {
                    shape(s)
                } else {
                    vec![0]
                })
            })
            .collect();
        let integers: Vec<ArrayD<i64>> = specs
            .iter()
            .map(|s| {
                ArrayD::zeros(if s.dtype == DType::Int64 {
                    shape(s)
                } else {
                    vec![0]
                })
            })
            .collect();
        let feed: Vec<(&str, Tensor<'_>)> = specs
            .iter()
            .zip(floats.iter().zip(&integers))
            .map(|(spec, (f, i))| {
                let tensor = if spec.dtype == DType::Int64 {
                    Tensor::I64(i.view())
                } else {
                    Tensor::F32(f.view())
                };
                (spec.name.as_str(), tensor)
            })
            .collect();
        self.run(&feed)?;
        Ok(self.last_latency)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, InferenceError> {
    std::fs::read(path).map_err(|source| InferenceError::Read {
        path: path.to_path_buf(),
        source,
    })
}

fn spec(name: &str, dtype: &ValueType) -> TensorSpec {
    let extents = dtype
        .tensor_shape()
        .map(|s| s.iter().copied().collect::<Vec<i64>>())
        .unwrap_or_default();
    TensorSpec {
        name: name.to_owned(),
        dtype: dtype.tensor_type().map_or(DType::Other, dtype_of),
        shape: extents
            .iter()
            .map(|n| usize::try_from(*n).map_or(Dimension::Any, Dimension::Fixed))
            .collect(),
    }
}
