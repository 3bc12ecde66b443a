//! The lines of the control socket, and where the socket is.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Lines longer than this are refused.
pub(super) const MAX_LINE_BYTES: u64 = 4096;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Request {
    /// Something of the supervisor.
    Call {
        /// What.
        call: Service,
    },
    /// To write down what happens.
    Record {
        /// From now, or no longer.
        record: Record,
    },
    /// To take a target.
    Click(Click),
}

/// What the recorder can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Record {
    Start,
    Stop,
}

/// What the supervisor can be asked for, as its services are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Service {
    /// Say that the target's mask is right, where the launch asks for that
    Confirm,
    /// Grasp the target
    Start,
    /// Stop moving and stay
    Stop,
    /// Put down what is held
    Release,
    /// Open the hand and go to the rest pose
    Home,
    /// Stop at once, and refuse to move until reset
    Estop,
    /// Take an emergency stop or a fault back
    Reset,
}

impl Service {
    /// The name below `supervisor/`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Release => "release",
            Self::Home => "home",
            Self::Estop => "estop",
            Self::Reset => "reset",
        }
    }
}

/// What a person points at, and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Click {
    /// What they point at.
    #[serde(flatten)]
    pub(crate) target: Target,
    /// Whether to start grasping it.
    #[serde(default)]
    pub(crate) grasp: bool,
}

/// What a person points at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Target {
    /// A pixel of the colour image: column from the left, row from the top.
    Pixel {
        /// Column and row.
        click: [f64; 2],
        /// The pixel does not belong to the object.
        #[serde(default)]
        negative: bool,
    },
    /// A point in space.
    Point {
        /// In metres.
        point: [f64; 3],
        /// The frame that it is given in.
        frame: String,
    },
}

impl Request {
    /// Reads a line.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let request: Self = serde_json::from_str(line).map_err(|_| {
            r#"expected {"click": [u, v]}, {"point": [x, y, z], "frame": "base_link"} or {"call": "stop"}"#
                .to_owned()
        })?;
        let finite = match &request {
            Self::Call { .. } | Self::Record { .. } => true,
            Self::Click(click) => match &click.target {
                Target::Pixel { click, .. } => click.iter().all(|number| number.is_finite()),
                Target::Point { point, .. } => point.iter().all(|number| number.is_finite()),
            },
        };
        if finite {
            Ok(request)
        } else {
            Err("the numbers must be finite".to_owned())
        }
    }
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Whether it was done.
    pub(crate) ok: bool,
    /// What happened, or why not.
    pub(crate) message: String,
}

impl Answer {
    pub(crate) fn done(message: impl Into<String>) -> Self {
        Self {
            ok: true,
            message: message.into(),
        }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self {
            ok: false,
            message: message.into(),
        }
    }
}

/// Where the socket is for this user.
pub(super) fn socket_path() -> io::Result<PathBuf> {
    Ok(directory()?.join("control.sock"))
}

fn directory() -> io::Result<PathBuf> {
    match std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|directory| directory.is_dir())
    {
        Some(runtime) => Ok(runtime.join("grasp_anything")),
        None => Ok(std::env::temp_dir().join(format!("grasp_anything-{}", user_id()?))),
    }
}

/// Makes the socket's folder, for this user alone.
pub(super) fn make_directory(socket: &Path) -> io::Result<()> {
    let Some(directory) = socket.parent() else {
        return Ok(());
    };
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    // In a shared temporary folder, somebody else may have been first.
    let metadata = fs::symlink_metadata(directory)?;
    if metadata.is_dir() && metadata.uid() == user_id()? && metadata.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "{} is not a folder of this user alone; remove it",
                directory.display()
            ),
        ))
    }
}

fn user_id() -> io::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let click = |line: &str| match Request::parse(line).unwrap() {
            Request::Click(click) => click,
            other => panic!("{other:?}"),
        };
        let request = click(r#"{"click": [1, 2.5]}"#);
        assert_eq!(
            request.target,
            Target::Pixel {
                click: [1.0, 2.5],
                negative: false
            }
        );
        assert!(!request.grasp);
        let request = click(r#"{"point": [1, 2, 3], "frame": "world", "grasp": true}"#);
        assert_eq!(
            request.target,
            Target::Point {
                point: [1.0, 2.0, 3.0],
                frame: "world".to_owned()
            }
        );
        assert!(request.grasp);
        assert_eq!(
            Request::parse(r#"{"call": "estop"}"#),
            Ok(Request::Call {
                call: Service::Estop
            })
        );
    }

    #[test]
    fn what_is_written_can_be_read() {
        let click = Request::Click(Click {
            target: Target::Pixel {
                click: [3.0, 4.0],
                negative: true,
            },
            grasp: true,
        });
        let calls = Service::value_variants()
            .iter()
            .map(|call| Request::Call { call: *call });
        let records = [Record::Start, Record::Stop].map(|record| Request::Record { record });
        for request in calls.chain(records).chain([click]) {
            assert_eq!(
                Request::parse(&serde_json::to_string(&request).unwrap()),
                Ok(request)
            );
        }
    }

    #[test]
    fn services_are_the_supervisors() {
        let mut names: Vec<_> = supervisor::machine::Request::ALL
            .map(supervisor::machine::Request::name)
            .to_vec();
        let mut ours: Vec<_> = Service::value_variants()
            .iter()
            .map(|service| service.name())
            .collect();
        names.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, names);
    }

    #[test]
    fn other_lines_are_refused_with_an_example() {
        for bad in [
            "",
            "{}",
            "[1, 2]",
            r#"{"click": [1]}"#,
            r#"{"click": ["a", "b"]}"#,
            r#"{"point": [1, 2, 3]}"#,
            r#"{"call": "jump"}"#,
        ] {
            assert!(Request::parse(bad).unwrap_err().contains("click"), "{bad}");
        }
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("own");
        let socket = folder.join("control.sock");
        assert!(make_directory(&socket).is_ok());
        assert!(make_directory(&socket).is_ok(), "it may be there already");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(
            make_directory(&socket)
                .unwrap_err()
                .to_string()
                .contains("this user alone")
        );
    }
}
