//! Where the project's files are: launch files, parameters, models, the robot's description.

use std::path::{Path, PathBuf};

/// The name of this package, as `$(find-pkg-share)` and `pkg=` have it.
pub(crate) const PACKAGE: &str = "grasp_anything";

/// The folder that holds launch/, config/, urdf/ and models/: the installed share folder of this program, by its place
/// or by ROS 2's `AMENT_PREFIX_PATH`, or the checkout that it was built in or is run in.
pub(crate) fn find() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok();
    let directory = std::env::current_dir().ok();
    let prefixes = std::env::var_os("AMENT_PREFIX_PATH").unwrap_or_default();
    find_from(
        executable.as_deref(),
        directory.as_deref(),
        &std::env::split_paths(&prefixes).collect::<Vec<_>>(),
    )
}

fn find_from(
    executable: Option<&Path>,
    directory: Option<&Path>,
    prefixes: &[PathBuf],
) -> Option<PathBuf> {
    let above = executable.into_iter().flat_map(Path::ancestors);
    // A build with links installed is not where its links are.
    let installed = above
        .chain(prefixes.iter().map(PathBuf::as_path))
        .map(|prefix| prefix.join("share").join(PACKAGE))
        .find(|share| is_share(share));
    let checkout = || {
        [executable, directory]
            .into_iter()
            .flatten()
            .flat_map(Path::ancestors)
            .find(|folder| is_share(folder))
            .map(Path::to_owned)
    };
    installed.or_else(checkout)
}

fn is_share(folder: &Path) -> bool {
    folder.join("launch").is_dir() && folder.join("urdf").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_found_from_a_test() {
        assert!(find().unwrap().join("Cargo.toml").is_file());
    }

    #[test]
    fn an_installed_share_comes_before_a_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let share = folder.path().join(path);
            for part in ["launch", "urdf"] {
                std::fs::create_dir_all(share.join(part)).unwrap();
            }
            share
        };
        let checkout = make("src/grasp_anything");
        let share = make("install/share/grasp_anything");
        let prefix = folder.path().join("install");
        let program = prefix.join("lib/grasp_anything/grasp_anything");
        let built = folder.path().join("build/release/grasp_anything");
        let found =
            |program, prefixes: &[PathBuf]| find_from(Some(program), Some(&checkout), prefixes);
        assert_eq!(found(&program, &[]).as_ref(), Some(&share));
        assert_eq!(found(&built, &[prefix]).as_ref(), Some(&share));
        assert_eq!(found(&built, &[]).as_ref(), Some(&checkout));
    }
}
