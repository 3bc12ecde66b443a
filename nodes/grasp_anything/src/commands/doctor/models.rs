//! The ONNX files that manifests name: present, unchanged, and loading.

use std::{
    fs,
    path::{Path, PathBuf},
};

use inference::{Model, ModelDescription, ModelOptions};
use serde_yaml::Value;

use super::Finding;

pub(super) fn look(share: Option<&Path>) -> Vec<Finding> {
    let Some(share) = share else {
        return Vec::new();
    };
    let folder = share.join("models");
    let mut manifests = Vec::new();
    find_manifests(&folder, &mut manifests);
    manifests.sort();
    if manifests.is_empty() {
        return vec![Finding::warn(
            "models",
            format!("there is no manifest in {}", folder.display()),
            "restore models/ from the project, or train with models/train/",
        )];
    }
    manifests
        .iter()
        .flat_map(|manifest| check_manifest(manifest))
        .collect()
}

/// All manifests below `folder`, but for those that only show how one is written.
fn find_manifests(folder: &Path, manifests: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        if path.is_dir() {
            if !path.ends_with("train") && !path.ends_with("examples") {
                find_manifests(&path, manifests);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            manifests.push(path);
        }
    }
}

fn check_manifest(manifest: &Path) -> Vec<Finding> {
    let name = manifest.display().to_string();
    let fail = |reason: String| {
        vec![Finding::fail(
            &name,
            reason,
            "restore the manifest from the project",
        )]
    };
    let value = match fs::read_to_string(manifest).map(|text| serde_yaml::from_str::<Value>(&text))
    {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => return fail(format!("is not YAML: {error}")),
        Err(error) => return fail(format!("cannot be read: {error}")),
    };
    let mut descriptions = Vec::new();
    collect(&value, &mut descriptions);
    if descriptions.is_empty() {
        return vec![Finding::ok(name, "names no ONNX file")];
    }
    let folder = manifest.parent().unwrap_or(Path::new("."));
    descriptions
        .iter()
        .map(|description| check_model(&name, folder, description))
        .collect()
}

/// Finds the descriptions of ONNX files, wherever the manifest has them.
fn collect(value: &Value, descriptions: &mut Vec<ModelDescription>) {
    if let Ok(description) = serde_yaml::from_value(value.clone()) {
        descriptions.push(description);
        return;
    }
    match value {
        Value::Mapping(entries) => entries
            .values()
            .for_each(|entry| collect(entry, descriptions)),
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, descriptions)),
        _ => {}
    }
}

fn check_model(manifest: &str, folder: &Path, description: &ModelDescription) -> Finding {
    let subject = format!("{manifest}: {}", description.file.display());
    let loaded = Model::load_described(folder, description, &ModelOptions::default())
        .and_then(|mut model| Ok((model.warm_up()?, model.backend().to_string())));
    match loaded {
        Ok((latency, _)) => {
            let millis = latency.as_secs_f64() * 1e3;
            Finding::ok(
                subject,
                format!("loads, SHA-256 matches, first run {millis:.0} ms"),
            )
        }
        Err(error) => Finding::fail(
            subject,
            error.to_string(),
            "restore the file from the project, or train it anew",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTION: &str =
        "{file: a.onnx, sha256: 00, inputs: [{name: x, dtype: float32, shape: [1]}], outputs: []}";

    fn look_at(manifest: &str, onnx: Option<&[u8]>) -> Vec<String> {
        let share = tempfile::tempdir().unwrap();
        fs::create_dir(share.path().join("models")).unwrap();
        fs::write(share.path().join("models/m.yaml"), manifest).unwrap();
        if let Some(bytes) = onnx {
            fs::write(share.path().join("models/a.onnx"), bytes).unwrap();
        }
        look(Some(share.path()))
            .iter()
            .map(|finding| finding.render(false))
            .collect()
    }

    #[test]
    fn descriptions_are_found_at_any_depth() {
        let manifest = format!("models: [{DESCRIPTION}, {{encoder: {DESCRIPTION}}}]\nrate: 7.5");
        assert_eq!(look_at(&manifest, None).len(), 2);
    }

    #[test]
    fn missing_and_changed_files_fail() {
        let missing = look_at(DESCRIPTION, None);
        assert!(
            missing[0].starts_with("  FAIL  ") && missing[0].contains("m.yaml: a.onnx"),
            "{missing:?}"
        );
        let changed = look_at(DESCRIPTION, Some(b"other bytes"));
        assert!(
            changed[0].contains("FAIL") && changed[0].contains("SHA-256"),
            "{changed:?}"
        );
    }

    #[test]
    fn a_broken_manifest_fails_and_one_without_models_is_fine() {
        assert!(look_at("a: [", None)[0].contains("FAIL"));
        assert!(look_at("policy: geometric", None)[0].contains("OK"));
    }
}
