//! The command line: what `grasp_anything --help` shows, and nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::PossibleValue};
use clap_complete::Shell;

use crate::{commands::calibrate::CalibrateCommand, control::Service};

/// Point at an object, and the robot in front of you grasps it.
#[derive(Debug, Parser)]
#[command(name = "grasp_anything", version, about, long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
#[command(
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// What to log: a level (error, warn, info, debug, trace) or a filter such as info,ur_driver=debug
    /// [default: the environment's RUST_LOG, else info]
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const LONG_ABOUT: &str = "\
Point at an object, and the robot in front of you grasps it.

One binary holds every node of the stack (camera, segmentation, point cloud, policy, supervisor, arm and hand drivers, \
simulator) and runs them in one process on an embedded message bus. No ROS and no GPU are needed; launch files, topics, \
messages and parameters are ROS 2's.";

const EXAMPLES: &str = "\
Where to start:
  grasp_anything launch launch/sim.launch once:=true     one grasp in the simulated cell
  grasp_anything launch launch/sim.launch --show-args    what a launch file lets you set
  grasp_anything launch launch/sim.launch demo:=false viewer:=true
                                                         a page in the browser to click on (make build VIEWER=1)
  grasp_anything click 640 360                           point at a pixel of the running cell's camera image
  grasp_anything call stop                               and confirm, start, release, home, estop, reset
  grasp_anything record                                  write down what happens; replay looks at it again
  grasp_anything doctor                                  what is installed, what is missing, what to do about it

The same with your own data and for measuring:
  grasp_anything segment --click 320,240 photo.jpg --out masks
  grasp_anything eval --scene clutter3 --objects test --episodes 60 --seed 1
  grasp_anything bench";

/// The subcommands, in the order in which a newcomer needs them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a launch file: all its nodes in this process, until Ctrl-C
    #[command(after_long_help = LAUNCH_HELP)]
    Launch(LaunchArgs),
    /// Run one node by its name
    #[command(after_long_help = NODE_HELP)]
    Node(NodeArgs),
    /// Point at an object in the running launch, by pixel or by 3-D point
    Click(ClickArgs),
    /// Tell the robot of the running launch to start, stop, put down, go home, or reset, or that a mask is right
    Call {
        /// What it is to do
        service: Service,
    },
    /// Record all that happens in the running launch, until Ctrl-C
    #[command(after_long_help = RECORD_HELP)]
    Record(RecordArgs),
    /// Send a recording's pictures through segmentation and policy again, without a robot, and compare masks and commands
    Replay(ReplayArgs),
    /// Segment an image, a folder of images or a video from a click, without a robot
    #[command(after_long_help = SEGMENT_HELP)]
    Segment(SegmentArgs),
    /// Find where the camera is and what its lens does, and say how well that is known
    Calibrate {
        /// What to calibrate
        #[command(subcommand)]
        what: CalibrateCommand,
    },
    /// Measure the success rate of whole grasps in the simulated cell
    Eval(EvalArgs),
    /// Measure the latency of each stage, each beside an alternative
    Bench(BenchArgs),
    /// Say what is installed, which models load and what answers, and what to do about what does not
    Doctor(DoctorArgs),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: Shell,
    },
}

const LAUNCH_HELP: &str = "\
Launch files are ROS 2 launch XML. Understood: arg, let, node, param, remap, group, push-ros-namespace, include, if, \
unless and the substitutions $(var), $(env), $(dirname), $(find-pkg-share). Anything else is refused by name, file and \
line. Ctrl-C (or SIGTERM) stops the robot first and then the other nodes. After --ros-args, -r, -p and --params-file hold \
for all nodes.";

const NODE_HELP: &str = "\
Nodes: run `grasp_anything node --list`. After --ros-args stand the arguments of any ROS 2 executable: -r FROM:=TO, \
-p NAME:=VALUE, --params-file FILE, --log-level LEVEL. Called through a link of a node's name, the program runs that node.
  grasp_anything node segmentation --ros-args -r camera/color/image_raw:=/d455/camera/color/image_raw -p model:=models/segmenter/manifest.yaml";

const RECORD_HELP: &str = "\
The launch writes one MCAP file, recording_0001.mcap or the next number, into the folder of its argument record:=DIR, or \
else into `recordings` where it was started. With record:=DIR it writes a file for each episode by itself, too, but none \
while `record` runs: its file has those episodes in it. Among the metadata are the outcome and the git revision, and the \
seed, the parameters and the hashes of the models of the nodes in the recorder's own process, which are all of a launch's \
unless some are started elsewhere. ROS 2's tools, Foxglove and PyPI's rosbags read these files.";

const SEGMENT_HELP: &str = "\
Writes <stem>.mask.png (white on black, of the input's size), <stem>.overlay.png and scores.jsonl (frame, score, status) \
into the folder --out. A folder of images and a video are tracked through from the first frame, which the click is for; \
frames of a video are counted from 000000.";

/// Arguments of `launch`.
#[derive(Debug, Args)]
pub(crate) struct LaunchArgs {
    /// The launch file, or the name of one of the project's
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Values for the file's arguments, as name:=value
    #[arg(value_name = "NAME:=VALUE")]
    pub(crate) arguments: Vec<String>,
    /// Another such value, in a form that ROS 2 does not take for a remap rule
    #[arg(long, value_name = "NAME:=VALUE")]
    pub(crate) set: Vec<String>,
    /// List the arguments that the file declares, and stop
    #[arg(long, short = 's', visible_alias = "show-arguments")]
    pub(crate) show_args: bool,
    /// Print the nodes that would run, with their parameters and remappings, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Run time this many times as fast as the clock on the wall
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) clock_factor: f64,
}

/// Arguments of `node`.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The node's name
    #[arg(required_unless_present = "list")]
    pub(crate) name: Option<String>,
    /// List the nodes
    #[arg(long)]
    pub(crate) list: bool,
}

/// Arguments of `click`.
#[derive(Debug, Args)]
pub(crate) struct ClickArgs {
    /// Column of the pixel in the colour image, from the left
    #[arg(value_name = "U", required_unless_present = "point", requires = "v", value_parser = parse_number)]
    pub(crate) u: Option<f64>,
    /// Row of the pixel in the colour image, from the top
    #[arg(value_name = "V", value_parser = parse_number)]
    pub(crate) v: Option<f64>,
    /// The pixel does not belong to the object: refine the prompt that is there
    #[arg(long, conflicts_with = "point")]
    pub(crate) negative: bool,
    /// A point in space instead of a pixel, in metres
    #[arg(long, num_args = 3, value_names = ["X", "Y", "Z"], allow_negative_numbers = true, conflicts_with = "u", value_parser = parse_number)]
    pub(crate) point: Option<Vec<f64>>,
    /// The frame that --point is given in
    #[arg(long, default_value = "base_link", requires = "point")]
    pub(crate) frame: String,
    /// Start grasping as soon as the click is taken
    #[arg(long)]
    pub(crate) grasp: bool,
}

/// Arguments of `record`.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// End after so many seconds
    #[arg(long, value_parser = parse_seconds)]
    pub(crate) seconds: Option<f64>,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The recording, an MCAP file
    pub(crate) file: PathBuf,
    /// The model's manifest [default: the model that ships with this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// The policy's manifest [default: the built-in grasp]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Draw each picture with the recorded mask and, beside it, with the recomputed one
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Also write the comparison of each picture and each command as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `segment`.
#[derive(Debug, Args)]
pub(crate) struct SegmentArgs {
    /// An image, a folder of images or a video
    pub(crate) input: PathBuf,
    /// A pixel on the object, U,V; more than once for more points
    #[arg(long, value_name = "U,V", value_parser = parse_pixel, required_unless_present = "bounding_box")]
    pub(crate) click: Vec<[f64; 2]>,
    /// A pixel that is not on the object, U,V; more than once for more points
    #[arg(long, value_name = "U,V", value_parser = parse_pixel)]
    pub(crate) negative: Vec<[f64; 2]>,
    /// A box around the object: left, top, right, bottom in pixels
    #[arg(long = "box", value_name = "X0,Y0,X1,Y1", value_parser = parse_box)]
    pub(crate) bounding_box: Option<[f64; 4]>,
    /// A folder of 16-bit depth images in millimetres, aligned and with the same stems
    #[arg(long, value_name = "DIR")]
    pub(crate) depth: Option<PathBuf>,
    /// Where the results go; made when missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The model's manifest [default: the model that ships with this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
}

/// What lies on the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    /// One object.
    Single,
    /// Three objects.
    Clutter3,
    /// Five objects.
    Clutter5,
}

impl Scene {
    /// The name that the simulator's `scene` parameter takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Clutter3 => "clutter3",
            Self::Clutter5 => "clutter5",
        }
    }
}

impl ValueEnum for Scene {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Single, Self::Clutter3, Self::Clutter5]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// Which objects the scenes are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objects {
    /// The 48 objects that models are trained on.
    Train,
    /// The 12 objects that nothing was trained on.
    Test,
}

impl Objects {
    /// The name that the simulator's `objects` parameter takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

impl ValueEnum for Objects {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Train, Self::Test]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// What lies on the table
    #[arg(long, default_value = "single")]
    pub(crate) scene: Scene,
    /// Which objects
    #[arg(long, default_value = "train")]
    pub(crate) objects: Objects,
    /// How many grasps
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) episodes: u32,
    /// Seed of the first episode; the next ones count up from it
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Episodes run at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) workers: u32,
    /// The policy's manifest [default: the built-in geometric policy]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Also write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Also write the results as a page for the browser, with pictures of a success and of each kind of failure
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Also record the episodes, each in a folder of its own: DIR/seed_N/episode_0001.mcap; see `replay`
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Only the measurements whose name contains this
    #[arg(value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// Also write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Parameters of the robot, hand and camera to look for [default: the project's config/real.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Reads `U,V`.
fn parse_pixel(text: &str) -> Result<[f64; 2], String> {
    parse_numbers(text, "two numbers U,V such as 320,240")
}

/// Reads `X0,Y0,X1,Y1` with the corners in order.
fn parse_box(text: &str) -> Result<[f64; 4], String> {
    let [x0, y0, x1, y1] = parse_numbers(text, "four numbers X0,Y0,X1,Y1 such as 100,80,220,190")?;
    if x1 <= x0 || y1 <= y0 {
        return Err(format!(
            "the box is empty: {x0},{y0} must be its left top and {x1},{y1} its right bottom"
        ));
    }
    Ok([x0, y0, x1, y1])
}

/// Reads a time that can be waited for.
fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = parse_number(text)?;
    let possible = (0.0..=1e9).contains(&seconds);
    possible
        .then_some(seconds)
        .ok_or_else(|| "expected a number of seconds".to_owned())
}

fn parse_number(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok();
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| "expected a number".to_owned())
}

fn parse_numbers<const N: usize>(text: &str, expected: &str) -> Result<[f64; N], String> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|number| parse_number(number).ok())
        .collect::<Option<_>>()
        .ok_or_else(|| format!("expected {expected}"))?;
    numbers
        .try_into()
        .map_err(|_| format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_a_map_of_every_command() {
        let help = Cli::command().render_long_help().to_string();
        for command in [
            "launch",
            "node",
            "click",
            "call",
            "record",
            "replay",
            "segment",
            "calibrate",
            "eval",
            "bench",
            "doctor",
            "completions",
        ] {
            assert!(
                help.contains(&format!("\n  {command}")),
                "{command} is missing in:\n{help}"
            );
        }
    }

    #[test]
    fn launch_arguments_are_told_from_options() {
        let cli = Cli::try_parse_from([
            "grasp_anything",
            "launch",
            "a.launch",
            "seed:=3",
            "--show-args",
        ])
        .unwrap();
        let Command::Launch(args) = cli.command else {
            panic!("not a launch")
        };
        assert_eq!(args.arguments, ["seed:=3"]);
        assert!(args.show_args);
    }

    #[test]
    fn click_takes_a_pixel_or_a_point() {
        assert!(Cli::try_parse_from(["grasp_anything", "click", "640", "360"]).is_ok());
        let point = [
            "grasp_anything",
            "click",
            "--point",
            "0.3",
            "-0.2",
            "0.1",
            "--frame",
            "world",
        ];
        assert!(Cli::try_parse_from(point).is_ok());
        assert!(Cli::try_parse_from(["grasp_anything", "click", "640"]).is_err());
        assert!(Cli::try_parse_from(["grasp_anything", "click"]).is_err());
        for bad in ["nan", "1e400", "left"] {
            assert!(
                Cli::try_parse_from(["grasp_anything", "click", bad, "10"]).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn times_are_checked() {
        assert_eq!(parse_seconds("2.5"), Ok(2.5));
        for bad in ["-1", "inf", "1e10", "soon"] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pixels_and_boxes_are_checked() {
        assert_eq!(parse_pixel("3, 4.5"), Ok([3.0, 4.5]));
        assert!(parse_pixel("3").is_err());
        assert!(parse_pixel("3,nan").is_err());
        assert!(parse_box("0,0,10,10").is_ok());
        assert!(parse_box("10,0,0,10").unwrap_err().contains("empty"));
    }
}
