//! The project's own files, read by those who use them: a file that is there may still be broken.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use super::Finding;
use crate::commands::launch::launcher;

const ADVICE: &str = "restore the file from the project";

pub(super) fn look(share: Option<&Path>) -> Vec<Finding> {
    let Some(share) = share else {
        return Vec::new();
    };
    let urdf = share.join("urdf/ur5_sih.urdf");
    let hand = share.join("calibration/sih_right.yaml");
    let segmenter = share.join("models/segmenter/manifest.yaml");
    let mut findings = vec![
        finding(&urdf, robot::Model::from_file(&urdf)),
        finding(&hand, robot::Hand::from_file(&hand)),
        finding(&segmenter, segmentation::Manifest::load(&segmenter)),
    ];
    for policy in files(&share.join("models/policies"), "yaml") {
        findings.push(finding(
            &policy,
            policy::manifest::Manifest::from_file(&policy),
        ));
    }
    for launch in files(&share.join("launch"), "launch") {
        findings.push(finding(&launch, launcher().arguments(&launch)));
    }
    findings
}

fn finding<T, E: Display>(path: &Path, read: Result<T, E>) -> Finding {
    let name = path.display().to_string();
    match read {
        Ok(_) => Finding::ok(name, "can be read"),
        Err(error) => Finding::fail(name, error.to_string(), ADVICE),
    }
}

/// The files of a folder with an extension, by name.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn broken_and_missing_files_fail() {
        let folder = tempfile::tempdir().unwrap();
        let share = folder.path();
        fs::create_dir_all(share.join("models/policies")).unwrap();
        fs::create_dir_all(share.join("launch")).unwrap();
        fs::write(share.join("models/policies/a.yaml"), "rate_hz: abc").unwrap();
        fs::write(share.join("launch/a.launch"), "<launch>").unwrap();
        let findings = look(Some(share));
        assert_eq!(findings.len(), 5);
        assert!(findings.iter().all(|found| found.verdict == Verdict::Fail));
    }

    #[test]
    fn the_projects_own_files_are_sound() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for found in look(Some(&root)) {
            assert_eq!(found.verdict, Verdict::Ok, "{}", found.render(false));
        }
    }
}
