//! What it takes to understand a recording later.

use std::fs;
use std::path::Path;

use bus::{Declared, Node, ParameterValue};
use sha2::{Digest as _, Sha256};

/// Files that describe models, by their extensions.
const MODELS: [&str; 3] = ["yaml", "yml", "onnx"];

/// Facts about the program and the process, under the names of their lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// What made it: program, revision, seed.
    pub program: Vec<(String, String)>,
    /// The parameters of all nodes of this process, as `/node/name`.
    pub parameters: Vec<(String, String)>,
    /// SHA-256 of the files that parameters name, by parameter. A manifest holds those of its models.
    pub models: Vec<(String, String)>,
}

impl Provenance {
    /// What is known now, in the process and the graph of this node. Of secrets there is only a word.
    pub fn of(node: &Node) -> Self {
        let nodes = node.parameters_of_all();
        let all = nodes.iter().flat_map(|(node, declared)| {
            declared
                .iter()
                .map(move |declared| (format!("{node}/{}", declared.name), declared))
        });
        let mut program = program();
        let (mut parameters, mut models) = (Vec::new(), Vec::new());
        for (name, declared) in all {
            if declared.name == "seed" {
                program.push(("seed".to_owned(), plain(&declared.value)));
            }
            if let Some(digest) = digest(declared) {
                models.push((name.clone(), digest));
            }
            parameters.push((name, plain(&declared.value)));
        }
        Self {
            program,
            parameters,
            models,
        }
    }
}

/// Version and git revision of this program; the revision ends in `-dirty` where files were changed since.
pub fn program() -> Vec<(String, String)> {
    vec![
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("git_revision".to_owned(), env!("GIT_REVISION").to_owned()),
    ]
}

/// Texts without the quotes that listings put around them.
fn plain(value: &ParameterValue) -> String {
    match value {
        ParameterValue::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn digest(declared: &Declared) -> Option<String> {
    let ParameterValue::String(path) = &declared.value else {
        return None;
    };
    let path = Path::new(path);
    let extension = path.extension()?.to_str()?;
    let is_model = MODELS.contains(&extension);
    is_model
        .then(|| fs::read(path).ok())
        .flatten()
        .map(|bytes| {
            let digest = Sha256::digest(bytes);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        })
}
