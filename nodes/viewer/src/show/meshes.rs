//! Meshes of robot descriptions, from the files that they name.

use std::env;
use std::path::{Path, PathBuf};

use nalgebra::Vector3;
use re_sdk_types::archetypes::Asset3D;
use robot::model::Visual;

use super::{Log, shapes};

/// The formats that rerun's viewer draws, by the ends of file names.
const FORMATS: [&str; 5] = ["glb", "gltf", "obj", "stl", "dae"];

/// Why a mesh is not shown.
#[derive(Debug, thiserror::Error)]
enum MeshError {
    #[error(
        "no package of that name with that file is on AMENT_PREFIX_PATH; source the workspace that has it"
    )]
    Package,
    #[error("it is none of {}", FORMATS.join(", "))]
    Format,
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Logs a mesh at a path of its own; whether it is shown.
pub(super) fn put(
    log: &Log,
    path: &str,
    visual: &Visual,
    (uri, scale): (&str, &Vector3<f64>),
) -> bool {
    let mesh = match read(uri) {
        Ok(mesh) => mesh,
        Err(error) => {
            tracing::warn!("the robot's mesh {uri} is not shown: {error}");
            return false;
        }
    };
    let mesh = match visual.rgba {
        Some(rgba) => mesh.with_albedo_factor(shapes::colour(rgba).0),
        None => mesh,
    };
    let scale: [f32; 3] = scale.cast::<f32>().into();
    let pose = shapes::transform(&visual.link_from_shape).with_scale(scale);
    log.put_static(path, &pose);
    log.put_static(path, &mesh);
    true
}

fn read(uri: &str) -> Result<Asset3D, MeshError> {
    let prefixes = env::var_os("AMENT_PREFIX_PATH").unwrap_or_default();
    let file = find(uri, env::split_paths(&prefixes)).ok_or(MeshError::Package)?;
    let extension = file.extension().and_then(|extension| extension.to_str());
    let is_mesh = |extension: &str| FORMATS.contains(&extension.to_lowercase().as_str());
    if !extension.is_some_and(is_mesh) {
        return Err(MeshError::Format);
    }
    Ok(Asset3D::from_file_path(file)?)
}

/// The file that a description means; none where it is of a package that is not there.
fn find(uri: &str, mut prefixes: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let Some(in_package) = uri.strip_prefix("package://") else {
        let file = uri.strip_prefix("file://").unwrap_or(uri);
        return Some(Path::new(file).to_owned());
    };
    prefixes.find_map(|prefix| {
        let file = prefix.join("share").join(in_package);
        file.is_file().then_some(file)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn packages_are_sought_where_ros_has_them() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let prefixes = || [&first, &second].map(|folder| folder.path().to_owned());
        let folder = second.path().join("share/arm/meshes");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("base.stl");
        fs::write(&file, "solid").unwrap();
        let found = |uri| find(uri, prefixes().into_iter());
        assert_eq!(found("package://arm/meshes/base.stl"), Some(file));
        assert_eq!(found("package://arm/meshes/other.stl"), None);
        assert_eq!(found("file:///a/b.stl"), Some("/a/b.stl".into()));
        assert_eq!(found("/a/b.stl"), Some("/a/b.stl".into()));
    }

    #[test]
    fn what_is_no_mesh_is_not_read() {
        assert!(matches!(read("/etc/hostname"), Err(MeshError::Format)));
        assert!(matches!(
            read("file:///no/such.stl"),
            Err(MeshError::File(_))
        ));
        assert!(matches!(
            read("package://no_such_package/a.dae"),
            Err(MeshError::Package)
        ));
    }
}
