//! The layout: which view shows what, and where.
//!
//! rerun's own builder cannot set the properties of views (eyes, time ranges, axes), so that the blueprint is written
//! here as the viewer reads it: entities of a store of their own, one for each container and view.

use re_sdk::external::re_log_types::BlueprintActivationCommand;
use re_sdk::{AsComponents, RecordingStream, RecordingStreamBuilder, RecordingStreamResult};
use re_sdk_types::blueprint::archetypes::{
    Background, ContainerBlueprint, EyeControls3D, LineGrid3D, PlotLegend, ScalarAxis,
    TimePanelBlueprint, ViewBlueprint, ViewContents, ViewportBlueprint, VisibleTimeRanges,
};
use re_sdk_types::blueprint::components::{
    BackgroundKind, ColumnShare, ContainerKind, Corner2D, IncludedContent, PanelState, PlayState,
    QueryExpression, RootContainer, RowShare, VisibleTimeRange,
};
use re_sdk_types::components::{Color, Range1D};
use re_sdk_types::datatypes::{self, TimeInt, TimeRange, TimeRangeBoundary};
use re_sdk_types::external::uuid::Uuid;

use super::cell::CAMERA;
use super::log::{APPLICATION, TIMELINE};

/// How much of the past the plots show, ns.
const PLOTTED_NS: i64 = 40_000_000_000;

/// A view or a container of views.
enum Part {
    View {
        name: &'static str,
        class: &'static str,
        origin: &'static str,
        contents: Vec<String>,
        properties: Vec<(&'static str, Box<dyn AsComponents>)>,
    },
    Container {
        kind: ContainerKind,
        parts: Vec<(f32, Part)>,
    },
}

/// Sends the layout with the recording.
pub(super) fn send(recording: &RecordingStream) -> RecordingStreamResult<()> {
    let (stream, storage) = RecordingStreamBuilder::new(APPLICATION)
        .enabled(true)
        .blueprint()
        .memory()?;
    stream.set_time_sequence("blueprint", 0);
    let mut ids = 0;
    let root = put(&stream, &layout(), &mut ids)?;
    stream.log(
        "viewport",
        &ViewportBlueprint::new()
            .with_root_container(RootContainer(root.into()))
            .with_auto_layout(false)
            .with_auto_views(false),
    )?;
    // The page hides all panels; the time panel still says which time is shown.
    let time = TimePanelBlueprint::new()
        .with_state(PanelState::Hidden)
        .with_timeline(TIMELINE)
        .with_play_state(PlayState::Following);
    stream.log("time_panel", &time)?;
    if let Some(store) = stream.store_info() {
        recording.send_blueprint(
            storage.take(),
            BlueprintActivationCommand {
                blueprint_id: store.store_id,
                make_active: true,
                make_default: true,
            },
        );
    }
    Ok(())
}

fn layout() -> Part {
    let left = column([
        (4.9, camera()),
        (2.5, row([(1.0, depth()), (1.0, target())])),
        (2.2, row([(1.25, arm()), (1.0, hand())])),
    ]);
    let right = column([(4.9, scene()), (2.35, contact()), (2.35, latency())]);
    row([(1.4, left), (1.0, right)])
}

fn camera() -> Part {
    view("Camera", "2D", CAMERA, ["$origin/**"], Vec::new())
}

fn depth() -> Part {
    view("Depth", "2D", "depth", ["$origin/**"], Vec::new())
}

/// From beside the camera, over the table to the robot.
fn scene() -> Part {
    let eye = EyeControls3D::new()
        .with_position([0.98, 1.32, 0.86])
        .with_look_target([0.20, 0.38, 0.24])
        .with_eye_up([0.0, 0.0, 1.0]);
    let properties: Vec<(_, Box<dyn AsComponents>)> = vec![
        ("EyeControls3D", Box::new(eye)),
        (
            "LineGrid3D",
            Box::new(LineGrid3D::new().with_visible(false)),
        ),
        (
            "Background",
            Box::new(
                Background::new(BackgroundKind::SolidColor).with_color(Color::from_rgb(24, 27, 33)),
            ),
        ),
    ];
    view("Scene", "3D", "scene", ["$origin/**"], properties)
}

fn target() -> Part {
    plot("Target", ["/target/**"], Some([0.0, 1.25]))
}

fn contact() -> Part {
    plot("Contact", ["/contact/**"], None)
}

fn arm() -> Part {
    plot("Arm, rad", ["/arm/**"], None)
}

fn hand() -> Part {
    plot("Hand, rad", ["/hand/**"], None)
}

fn latency() -> Part {
    plot("Latency, ms", ["/latency/**"], None)
}

fn plot<const N: usize>(name: &'static str, contents: [&str; N], range: Option<[f64; 2]>) -> Part {
    let recent = TimeRange {
        start: TimeRangeBoundary::CursorRelative(TimeInt(-PLOTTED_NS)),
        end: TimeRangeBoundary::CursorRelative(TimeInt(0)),
    };
    let recent = VisibleTimeRange(datatypes::VisibleTimeRange {
        timeline: TIMELINE.into(),
        range: recent,
    });
    let mut properties: Vec<(_, Box<dyn AsComponents>)> = vec![
        (
            "VisibleTimeRanges",
            Box::new(VisibleTimeRanges::new([recent])),
        ),
        (
            "PlotLegend",
            Box::new(PlotLegend::new().with_corner(Corner2D::LeftTop)),
        ),
    ];
    if let Some(range) = range {
        let axis = ScalarAxis::new().with_range(Range1D(range.into()));
        properties.push(("ScalarAxis", Box::new(axis)));
    }
    view(name, "TimeSeries", "/", contents, properties)
}

fn view<const N: usize>(
    name: &'static str,
    class: &'static str,
    origin: &'static str,
    contents: [impl Into<String>; N],
    properties: Vec<(&'static str, Box<dyn AsComponents>)>,
) -> Part {
    Part::View {
        name,
        class,
        origin,
        contents: contents.into_iter().map(Into::into).collect(),
        properties,
    }
}

fn row<const N: usize>(parts: [(f32, Part); N]) -> Part {
    Part::Container {
        kind: ContainerKind::Horizontal,
        parts: parts.into(),
    }
}

fn column<const N: usize>(parts: [(f32, Part); N]) -> Part {
    Part::Container {
        kind: ContainerKind::Vertical,
        parts: parts.into(),
    }
}

/// Writes a part and all in it; its id. Ids count up, so that a page that comes back finds the same views.
fn put(stream: &RecordingStream, part: &Part, ids: &mut u128) -> RecordingStreamResult<Uuid> {
    *ids += 1;
    let id = Uuid::from_u128(*ids);
    let path = path(part, id);
    match part {
        Part::View {
            name,
            class,
            origin,
            contents,
            properties,
        } => {
            let queries = contents
                .iter()
                .map(|query| QueryExpression(query.as_str().into()));
            stream.log(format!("{path}/ViewContents"), &ViewContents::new(queries))?;
            let view = ViewBlueprint::new(*class)
                .with_display_name(*name)
                .with_space_origin(*origin);
            stream.log(path.as_str(), &view)?;
            for (property, what) in properties {
                stream.log(format!("{path}/{property}"), what.as_ref())?;
            }
        }
        Part::Container { kind, parts } => {
            let mut contents = Vec::new();
            for (_, part) in parts {
                let id = put(stream, part, ids)?;
                contents.push(IncludedContent(self::path(part, id).into()));
            }
            let shares = parts.iter().map(|(share, _)| *share);
            let container = ContainerBlueprint::new(*kind).with_contents(contents);
            let container = match kind {
                ContainerKind::Horizontal => {
                    container.with_col_shares(shares.map(|share| ColumnShare(share.into())))
                }
                _ => container.with_row_shares(shares.map(|share| RowShare(share.into()))),
            };
            stream.log(path.as_str(), &container)?;
        }
    }
    Ok(id)
}

fn path(part: &Part, id: Uuid) -> String {
    let kind = match part {
        Part::View { .. } => "view",
        Part::Container { .. } => "container",
    };
    format!("{kind}/{id}")
}
