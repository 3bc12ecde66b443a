//! Whether a RealSense camera is plugged in, may be used and answers.

use camera::realsense::{
    Identity,
    usb::{self, PERMISSION_HELP, UsbCamera},
};

use super::Finding;

pub(super) fn look() -> Vec<Finding> {
    judge(&usb::cameras(), answers())
}

/// What librealsense finds; `None` in a program without it.
#[cfg(feature = "realsense")]
fn answers() -> Option<Result<Vec<Identity>, String>> {
    Some(camera::realsense::cameras())
}

#[cfg(not(feature = "realsense"))]
fn answers() -> Option<Result<Vec<Identity>, String>> {
    None
}

fn judge(plugged: &[UsbCamera], answers: Option<Result<Vec<Identity>, String>>) -> Vec<Finding> {
    if plugged.is_empty() {
        return vec![Finding::warn(
            "RealSense camera",
            "none is plugged in",
            "plug it into a USB 3 port; real.launch takes other cameras with camera:=topics",
        )];
    }
    let mut findings: Vec<_> = plugged.iter().map(judge_connection).collect();
    findings.extend(match answers {
        None => vec![Finding::warn(
            "librealsense",
            "this program was built without it",
            "make build REALSENSE=1; with ROS 2, realsense2_camera and camera:=topics do without",
        )],
        Some(Err(error)) => vec![Finding::warn(
            "librealsense",
            error,
            "run scripts/setup realsense, and build anew",
        )],
        Some(Ok(found)) if found.is_empty() => vec![Finding::warn(
            "librealsense",
            "finds no camera",
            "plug the camera in again, and see whether another program uses it",
        )],
        Some(Ok(found)) => found.iter().map(judge_answer).collect(),
    });
    findings
}

fn judge_connection(camera: &UsbCamera) -> Finding {
    let subject = camera.product.as_str();
    if !camera.may_be_used {
        Finding::warn(
            subject,
            "is plugged in, but this user may not use it",
            PERMISSION_HELP,
        )
    } else if camera.is_fast() {
        Finding::ok(subject, "is plugged in by USB 3")
    } else {
        Finding::warn(
            subject,
            "is plugged in by USB 2, which is too slow for colour and depth of full size",
            "use a USB 3 port and the camera's own cable",
        )
    }
}

fn judge_answer(camera: &Identity) -> Finding {
    let Identity {
        model,
        serial,
        firmware,
        usb,
    } = camera;
    Finding::ok(
        format!("{model}, serial {serial}"),
        format!("answers; firmware {firmware}, USB {usb}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(plugged: &[UsbCamera], answers: Option<Result<Vec<Identity>, String>>) -> Vec<String> {
        let findings = judge(plugged, answers);
        findings.iter().map(|line| line.render(false)).collect()
    }

    fn d455() -> UsbCamera {
        UsbCamera {
            product: "Depth Camera 455".into(),
            speed_mbit_s: 5_000.0,
            may_be_used: true,
        }
    }

    #[test]
    fn a_camera_that_answers_is_well() {
        let identity = Identity {
            serial: "0042".into(),
            ..Identity::default()
        };
        let lines = lines(&[d455()], Some(Ok(vec![identity])));
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.contains("OK")), "{lines:?}");
        assert!(lines[1].contains("0042") && lines[1].contains("answers"));
    }

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let slow = UsbCamera {
            speed_mbit_s: 480.0,
            ..d455()
        };
        let forbidden = UsbCamera {
            may_be_used: false,
            ..d455()
        };
        for (plugged, answers, part) in [
            (vec![], None, "none is plugged in"),
            (vec![d455()], None, "make build REALSENSE=1"),
            (vec![d455()], Some(Ok(vec![])), "another program"),
            (vec![d455()], Some(Err("no USB".into())), "no USB"),
            (vec![slow], None, "USB 3 port"),
            (vec![forbidden], None, "udev"),
        ] {
            let text = lines(&plugged, answers).join("\n");
            assert!(text.contains("WARN") && text.contains(part), "{text}");
        }
    }
}
