//! Every message type against the bytes of an independent implementation (PyPI `rosbags`), and against bytes that no
//! sender should send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

mod common;

use common::filled;
use msgs::{Message, cdr};
use proptest::prelude::*;
use std::{collections::BTreeSet, fs, path::Path};

/// The names of the fields and the encoded message, as `tests/golden/make_cdr_golden.py` wrote them.
fn golden(type_name: &str) -> (String, Vec<u8>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(file_name(type_name));
    let text = fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let (fields, hex) = text.split_once('\n').expect("two lines");
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    (
        fields.trim_start_matches("# ").into(),
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

fn file_name(type_name: &str) -> String {
    let mut parts = type_name.split('/');
    let package = parts.next().unwrap();
    format!("{package}.{}.hex", parts.next_back().unwrap())
}

fn agrees_with_golden<M: Message + PartialEq>() {
    let (fields, bytes) = golden(M::TYPE_NAME);
    let (message, names) = filled::<M>();
    assert_eq!(
        names.join(" "),
        fields,
        "{}: names of the fields",
        M::TYPE_NAME
    );
    assert_eq!(
        cdr::to_vec(&message).unwrap(),
        bytes,
        "{}: encoding",
        M::TYPE_NAME
    );
    assert_eq!(
        cdr::from_slice::<M>(&bytes).unwrap(),
        message,
        "{}: decoding",
        M::TYPE_NAME
    );
}

fn refuses_every_cut<M: Message>() {
    let (_, bytes) = golden(M::TYPE_NAME);
    for len in 0..bytes.len() {
        assert!(
            cdr::from_slice::<M>(&bytes[..len]).is_err(),
            "{}: cut to {len} bytes",
            M::TYPE_NAME
        );
    }
}

/// Calls a generic function, or a macro, for every message type.
macro_rules! every_type {
    ($action:ident) => {
        every_type!(@ $action
            builtin_interfaces::Time, builtin_interfaces::Duration,
            std_msgs::Header, std_msgs::String, std_msgs::Bool, std_msgs::Int32, std_msgs::Int64, std_msgs::Float32,
            std_msgs::Float64, std_msgs::ColorRGBA, std_msgs::MultiArrayDimension, std_msgs::MultiArrayLayout,
            std_msgs::UInt8MultiArray, std_msgs::Int32MultiArray, std_msgs::Float32MultiArray,
            std_msgs::Float64MultiArray,
            geometry_msgs::Point, geometry_msgs::Point32, geometry_msgs::PointStamped, geometry_msgs::Vector3,
            geometry_msgs::Vector3Stamped, geometry_msgs::Quaternion, geometry_msgs::QuaternionStamped,
            geometry_msgs::Pose, geometry_msgs::PoseStamped, geometry_msgs::PoseArray, geometry_msgs::Transform,
            geometry_msgs::TransformStamped, geometry_msgs::Twist, geometry_msgs::TwistStamped, geometry_msgs::Wrench,
            geometry_msgs::WrenchStamped,
            sensor_msgs::Image, sensor_msgs::CompressedImage, sensor_msgs::RegionOfInterest, sensor_msgs::CameraInfo,
            sensor_msgs::PointField, sensor_msgs::PointCloud2, sensor_msgs::JointState,
            trajectory_msgs::JointTrajectoryPoint, trajectory_msgs::JointTrajectory,
            tf2_msgs::TFMessage, rosgraph_msgs::Clock,
            diagnostic_msgs::KeyValue, diagnostic_msgs::DiagnosticStatus, diagnostic_msgs::DiagnosticArray,
            visualization_msgs::UVCoordinate, visualization_msgs::MeshFile, visualization_msgs::Marker,
            visualization_msgs::MarkerArray,
            lifecycle_msgs::State, lifecycle_msgs::Transition, lifecycle_msgs::TransitionDescription,
            lifecycle_msgs::TransitionEvent,
            lifecycle_msgs::ChangeStateRequest, lifecycle_msgs::ChangeStateResponse,
            lifecycle_msgs::GetAvailableStatesRequest, lifecycle_msgs::GetAvailableStatesResponse,
            lifecycle_msgs::GetAvailableTransitionsRequest, lifecycle_msgs::GetAvailableTransitionsResponse,
            lifecycle_msgs::GetStateRequest, lifecycle_msgs::GetStateResponse,
            std_srvs::EmptyRequest, std_srvs::EmptyResponse, std_srvs::TriggerRequest, std_srvs::TriggerResponse,
            std_srvs::SetBoolRequest, std_srvs::SetBoolResponse,
            rcl_interfaces::FloatingPointRange, rcl_interfaces::IntegerRange, rcl_interfaces::ListParametersResult,
            rcl_interfaces::ParameterValue, rcl_interfaces::Parameter, rcl_interfaces::ParameterDescriptor,
            rcl_interfaces::SetParametersResult,
            rcl_interfaces::ListParametersRequest, rcl_interfaces::ListParametersResponse,
            rcl_interfaces::GetParametersRequest, rcl_interfaces::GetParametersResponse,
            rcl_interfaces::GetParameterTypesRequest, rcl_interfaces::GetParameterTypesResponse,
            rcl_interfaces::DescribeParametersRequest, rcl_interfaces::DescribeParametersResponse,
            rcl_interfaces::SetParametersRequest, rcl_interfaces::SetParametersResponse,
            rcl_interfaces::SetParametersAtomicallyRequest, rcl_interfaces::SetParametersAtomicallyResponse)
    };
    (@ $action:ident $($module:ident::$name:ident),*) => {
        $($action::<msgs::$module::$name>();)*
    };
}

thread_local! {
    static SEEN: std::cell::RefCell<BTreeSet<String>> = const { std::cell::RefCell::new(BTreeSet::new()) };
}

#[test]
fn every_type_agrees_with_the_independent_implementation() {
    every_type!(agrees_with_golden);
}

#[test]
fn every_golden_file_has_its_type() {
    fn note<M: Message>() {
        SEEN.with_borrow_mut(|seen| seen.insert(file_name(M::TYPE_NAME)));
    }
    every_type!(note);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(SEEN.take(), files);
}

#[test]
fn cut_messages_are_refused() {
    every_type!(refuses_every_cut);
}

#[test]
fn big_endian_is_read_too() {
    let bytes = [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9];
    let time: msgs::builtin_interfaces::Time = cdr::from_slice(&bytes).unwrap();
    assert_eq!((time.sec, time.nanosec), (7, 9));
}

#[test]
fn errors_name_the_type_and_the_cause() {
    let error = |bytes: &[u8]| {
        cdr::from_slice::<msgs::std_msgs::Int32>(bytes)
            .unwrap_err()
            .to_string()
    };
    assert!(error(&[0, 1]).contains("std_msgs/msg/Int32: 2 bytes are too short"));
    assert!(error(&[0, 7, 0, 0, 0, 0, 0, 0]).contains("representation 0x0007 is not plain CDR"));
    assert!(error(&[0, 1, 0, 0, 1, 0]).contains("unexpected end of input"));
    assert!(error(&[0, 1, 0, 0, 1, 0, 0, 0, 9, 9, 9, 9]).contains("4 bytes are left"));
}

#[test]
fn payloads_padded_to_four_bytes_are_accepted() {
    let flag: msgs::std_msgs::Bool = cdr::from_slice(&[0, 1, 0, 3, 1, 0, 0, 0]).unwrap();
    assert!(flag.data);
}

#[test]
fn a_length_beyond_the_input_is_refused_without_allocating_it() {
    let huge = [0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    assert!(cdr::from_slice::<msgs::std_msgs::String>(&huge).is_err());
    let (_, mut image) = golden("sensor_msgs/msg/Image");
    let last_length = image.len() - 6;
    image[last_length..last_length + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(cdr::from_slice::<msgs::sensor_msgs::Image>(&image).is_err());
    let (_, joints) = golden("sensor_msgs/msg/JointState");
    for at in (4..joints.len() - 4).step_by(4) {
        let mut hostile = joints.clone();
        hostile[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        cdr::from_slice::<msgs::sensor_msgs::JointState>(&hostile).ok();
    }
}

thread_local! {
    static HOSTILE: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Reads the hostile bytes; what is accepted must survive another round trip.
fn survives_hostile_bytes<M: Message>() {
    HOSTILE.with_borrow(|bytes| {
        if let Ok(message) = cdr::from_slice::<M>(bytes) {
            let again = cdr::from_slice::<M>(&cdr::to_vec(&message).unwrap()).unwrap();
            // Text, since NaN is not equal to itself.
            assert_eq!(format!("{again:?}"), format!("{message:?}"));
        }
    });
}

fn survives_changed_golden<M: Message>() {
    HOSTILE.with_borrow(|changes| {
        let (_, mut bytes) = golden(M::TYPE_NAME);
        for change in changes.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
            bytes[at] = change[2];
        }
        cdr::from_slice::<M>(&bytes).ok();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200), endian in 0_u8..2) {
        HOSTILE.with_borrow_mut(|bytes| {
            bytes.clear();
            bytes.extend([0, endian, 0, 0]);
            bytes.extend(&body);
        });
        every_type!(survives_hostile_bytes);
    }

    #[test]
    fn small_numbers_as_bytes_never_panic(body in prop::collection::vec(0_u8..4, 0..300)) {
        HOSTILE.with_borrow_mut(|bytes| {
            bytes.clear();
            bytes.extend([0, 1, 0, 0]);
            bytes.extend(&body);
        });
        every_type!(survives_hostile_bytes);
    }

    #[test]
    fn changed_messages_never_panic(changes in prop::collection::vec(any::<u8>(), 3..30)) {
        HOSTILE.with_borrow_mut(|bytes| *bytes = changes);
        every_type!(survives_changed_golden);
    }
}
