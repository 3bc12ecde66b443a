//! The command line of `calibrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to calibrate.
#[derive(Debug, Subcommand)]
pub(crate) enum CalibrateCommand {
    /// Find where the camera is from a folder of samples, and say how well that is known; status 2 when beyond tolerance
    Solve(SolveArgs),
    /// Hold a result against fresh samples: how far off is it there? Status 2 when beyond its tolerance
    Verify(VerifyArgs),
    /// Check a camera's intrinsics on a folder of pictures' corners, or find them anew
    Intrinsics(IntrinsicsArgs),
    /// Find how a hand's joints answer to its servos from markers on its phalanges; status 2 when beyond the limit
    Hand(HandArgs),
    /// Find the corners of a board in the pictures of a folder, and write them as its samples
    #[cfg(feature = "opencv")]
    Detect(DetectArgs),
    /// Print a board: a PDF file at true scale
    #[cfg(feature = "opencv")]
    Board(BoardArgs),
    /// Write samples with a known answer, to try the other commands on
    Example(ExampleArgs),
    /// Measure on samples with a known answer how good the calibrations are
    Proof(ProofArgs),
}

/// Arguments of `calibrate solve`.
#[derive(Debug, Args)]
pub(crate) struct SolveArgs {
    /// The folder of samples, with its samples.yaml
    pub(crate) samples: PathBuf,
    /// Where the result goes; a better one that is there is kept
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the result even where a better one is, or that of another camera
    #[arg(long, requires = "out")]
    pub(crate) replace: bool,
    /// How far the camera may be off, in millimetres
    #[arg(long, value_name = "MM", default_value_t = 1.0, value_parser = parse_positive)]
    pub(crate) tolerance_mm: f64,
    /// How far it may be turned, in degrees
    #[arg(long, value_name = "DEG", default_value_t = 0.1, value_parser = parse_positive)]
    pub(crate) tolerance_deg: f64,
    /// Refine the camera's intrinsics on the way
    #[arg(long)]
    pub(crate) refine_intrinsics: bool,
    /// Also write the report as a page for the browser, with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Arguments of `calibrate verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The result, as `calibrate solve --out` wrote it
    pub(crate) result: PathBuf,
    /// A folder of samples that the result does not rest on, with the board still where it was
    pub(crate) samples: PathBuf,
    /// Also write the report as a page for the browser, with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Arguments of `calibrate example`.
#[derive(Debug, Args)]
pub(crate) struct ExampleArgs {
    /// The folder, made when missing: hand_eye/ with two bad samples of 20, fresh/, pictures/ and hand.yaml
    pub(crate) folder: PathBuf,
}

/// Arguments of `calibrate intrinsics`.
#[derive(Debug, Args)]
pub(crate) struct IntrinsicsArgs {
    /// The folder of samples, with its samples.yaml
    pub(crate) samples: PathBuf,
    /// Where the refined figures go, for the camera node's parameter `intrinsics`; better ones that are there are kept
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write them even where better ones are, or those of another camera
    #[arg(long, requires = "out")]
    pub(crate) replace: bool,
    /// The camera's serial number, for the file: other cameras then refuse it
    #[arg(long, requires = "out", default_value = "", hide_default_value = true)]
    pub(crate) serial: String,
    /// Also write the report as a page for the browser, with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Arguments of `calibrate hand`.
#[derive(Debug, Args)]
pub(crate) struct HandArgs {
    /// The samples: a YAML file with servo positions and marker poses
    pub(crate) samples: PathBuf,
    /// A hand of the same kind, for names, limits and signs [default: calibration/sih_right.yaml of the project]
    #[arg(long, value_name = "FILE")]
    pub(crate) like: Option<PathBuf>,
    /// Where the hand's new file goes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write it even where there is one
    #[arg(long, requires = "out")]
    pub(crate) replace: bool,
    /// Also write the report as a page for the browser, with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Arguments of `calibrate detect`.
#[cfg(feature = "opencv")]
#[derive(Debug, Args)]
pub(crate) struct DetectArgs {
    /// A folder of pictures, with a samples.yaml that names them or without
    pub(crate) folder: PathBuf,
    /// The board's description [default: that of samples.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) board: Option<PathBuf>,
    /// The camera's horizontal field of view in degrees, where there is no samples.yaml
    #[arg(long, value_name = "DEG", default_value_t = 70.0, value_parser = parse_positive)]
    pub(crate) hfov: f64,
}

/// Arguments of `calibrate board`.
#[cfg(feature = "opencv")]
#[derive(Debug, Args)]
pub(crate) struct BoardArgs {
    /// The board's description; calibration/boards has some
    pub(crate) board: PathBuf,
    /// Where the PDF goes; a name that ends in .png: a picture for simulators [default: beside the description]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `calibrate proof`.
#[derive(Debug, Args)]
pub(crate) struct ProofArgs {
    /// Calibrations of each kind
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) seeds: u32,
    /// Samples in each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(5..=200))]
    pub(crate) poses: u32,
    /// Deviation of a corner in pixels
    #[arg(long, value_name = "PX", default_value_t = 0.2, value_parser = parse_positive)]
    pub(crate) corner_px: f64,
    /// Deviation of the robot's place along each axis, in millimetres
    #[arg(long, value_name = "MM", default_value_t = 0.1, value_parser = parse_positive)]
    pub(crate) robot_mm: f64,
    /// Deviation of its orientation about each axis, in degrees
    #[arg(long, value_name = "DEG", default_value_t = 0.01, value_parser = parse_positive)]
    pub(crate) robot_deg: f64,
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "expected a number above zero".to_owned())
}
