//! The code that runs models: ONNX Runtime or tract, chosen once per process.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::InferenceError;

/// Which back end to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// ONNX Runtime if [`find_onnxruntime`] finds one that loads, else tract.
    #[default]
    Auto,
    /// ONNX Runtime from this shared library, or from wherever one is found.
    OnnxRuntime(Option<PathBuf>),
    /// The pure-Rust tract.
    Tract,
}

impl std::str::FromStr for BackendChoice {
    type Err = std::convert::Infallible;

    /// `auto`, `tract`, `onnxruntime`, or the path of a libonnxruntime.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "" | "auto" => Self::Auto,
            "tract" => Self::Tract,
            "onnxruntime" => Self::OnnxRuntime(None),
            path => Self::OnnxRuntime(Some(PathBuf::from(path))),
        })
    }
}

/// The back end in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// ONNX Runtime, loaded from this shared library.
    OnnxRuntime(PathBuf),
    /// Pure-Rust tract.
    Tract,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnnxRuntime(path) => write!(f, "ONNX Runtime ({})", path.display()),
            Self::Tract => f.write_str("tract"),
        }
    }
}

/// The process's ONNX back end.
#[derive(Debug, Clone)]
pub struct Runtime {
    backend: Backend,
    environment: ort::environment::Environment,
}

// The binding keeps one API table per process, so the choice cannot be undone.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// The process's runtime; the first call chooses it.
    ///
    /// # Errors
    /// [`InferenceError::Backend`] when an explicitly wanted ONNX Runtime does not load (`Auto` falls back
    /// to tract), [`InferenceError::BackendFixed`] when an earlier call chose another back end.
    pub fn get(choice: &BackendChoice) -> Result<Self, InferenceError> {
        let mut slot = RUNTIME
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(runtime) = slot.as_ref() {
            let agrees = match (choice, &runtime.backend) {
                (BackendChoice::Auto, _)
                | (BackendChoice::OnnxRuntime(None), Backend::OnnxRuntime(_))
                | (BackendChoice::Tract, Backend::Tract) => true,
                (BackendChoice::OnnxRuntime(Some(wanted)), Backend::OnnxRuntime(loaded)) => {
                    wanted == loaded
                }
                _ => false,
            };
            return if agrees {
                Ok(runtime.clone())
            } else {
                Err(InferenceError::BackendFixed {
                    current: runtime.backend.to_string(),
                })
            };
        }
        let runtime = match choice {
            BackendChoice::Tract => tract()?,
            BackendChoice::OnnxRuntime(Some(path)) => onnxruntime(path)?,
            BackendChoice::OnnxRuntime(None) => first_that_loads(&find_onnxruntime())?,
            BackendChoice::Auto => match first_that_loads(&find_onnxruntime()) {
                Ok(runtime) => runtime,
                Err(reason) => {
                    tracing::info!("running models with tract, about three times slower: {reason}");
                    tract()?
                }
            },
        };
        tracing::debug!(backend = %runtime.backend, "ONNX back end chosen");
        *slot = Some(runtime.clone());
        Ok(runtime)
    }

    /// The back end in use.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(crate) fn environment(&self) -> &ort::environment::Environment {
        &self.environment
    }
}

fn failed(error: impl fmt::Display) -> InferenceError {
    InferenceError::Backend {
        reason: error.to_string(),
    }
}

fn tract() -> Result<Runtime, InferenceError> {
    if !ort::set_api(ort_tract::api()) {
        return Err(failed(
            "another ONNX back end was set up behind this crate's back",
        ));
    }
    let environment = ort::init()
        .with_name("grasp_anything")
        .build()
        .map_err(failed)?;
    Ok(Runtime {
        backend: Backend::Tract,
        environment,
    })
}

fn onnxruntime(library: &Path) -> Result<Runtime, InferenceError> {
    if !library.is_file() {
        return Err(failed(format!("{} is not a file", library.display())));
    }
    let builder = ort::init_from(library).map_err(failed)?;
    let environment = builder
        .with_name("grasp_anything")
        .with_telemetry(false)
        .build()
        .map_err(failed)?;
    Ok(Runtime {
        backend: Backend::OnnxRuntime(library.to_path_buf()),
        environment,
    })
}

fn first_that_loads(libraries: &[PathBuf]) -> Result<Runtime, InferenceError> {
    let mut reasons = Vec::new();
    for library in libraries {
        match onnxruntime(library) {
            Ok(runtime) => return Ok(runtime),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if reasons.is_empty() {
        reasons.push(
            "no libonnxruntime.so found (ORT_DYLIB_PATH, .onnxruntime/, system libraries)"
                .to_owned(),
        );
    }
    Err(failed(reasons.join("; ")))
}

/// Candidates for ONNX Runtime's shared library, best first: `ORT_DYLIB_PATH`, `.onnxruntime/` in the
/// working directory or executable's directory or any above, then the system's library folders.
pub fn find_onnxruntime() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from) {
        if path.is_dir() {
            found.extend(libraries_in(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    for start in starts.into_iter().flatten() {
        for folder in start.ancestors() {
            found.extend(libraries_in(&folder.join(".onnxruntime")));
        }
    }
    for folder in [
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ] {
        found.extend(libraries_in(Path::new(folder)));
    }
    let mut unique: Vec<PathBuf> = Vec::new();
    for path in found {
        if !unique.contains(&path) {
            unique.push(path);
        }
    }
    unique
}

/// `libonnxruntime.so*` and `libonnxruntime*.dylib` in a folder, newest name first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            name.starts_with("libonnxruntime.so")
                || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
        })
        .collect();
    found.sort();
    found.reverse();
    found
}
