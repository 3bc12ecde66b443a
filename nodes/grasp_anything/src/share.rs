//! Where the project's files are: launch files, parameters, models, the robot's description.

use std::path::{Path, PathBuf};

/// The name of this package, as `$(find-pkg-share)` and `pkg=` have it.
pub(crate) const PACKAGE: &str = "grasp_anything";

/// The folder that holds launch/, config/, urdf/ and models/: the installed share folder of this program, or the
/// checkout that it was built in or is run in.
pub(crate) fn find() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok();
    let directory = std::env::current_dir().ok();
    let installed = executable
        .iter()
        .flat_map(|executable| executable.ancestors())
        .map(|prefix| prefix.join("share").join(PACKAGE))
        .find(|share| is_share(share));
    let checkout = || {
        let starts = [executable.as_deref(), directory.as_deref()];
        starts
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
}
