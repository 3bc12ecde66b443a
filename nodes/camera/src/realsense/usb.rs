//! RealSense cameras on the USB, by what Linux says of its devices: there whether librealsense is or not.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

/// Intel's vendor number, which cameras of RealSense have kept.
const VENDOR: &str = "8086";
/// Below this (USB 2 has 480) there is no room for colour and depth of full size.
const ENOUGH_MBIT_S: f64 = 5_000.0;

/// A camera on the USB.
#[derive(Debug, Clone, PartialEq)]
pub struct UsbCamera {
    /// What it calls itself.
    pub product: String,
    /// Speed of its connection in Mbit/s: 480 is USB 2, 5000 and more USB 3.
    pub speed_mbit_s: f64,
    /// Whether this user may use it.
    pub may_be_used: bool,
}

impl UsbCamera {
    /// Whether the connection has room for full-size colour and depth.
    pub fn is_fast(&self) -> bool {
        self.speed_mbit_s >= ENOUGH_MBIT_S
    }
}

/// What to do about cameras that this user may not use.
pub const PERMISSION_HELP: &str = "as root, put the line SUBSYSTEM==\"usb\", ATTR{idVendor}==\"8086\", MODE=\"0666\" into \
     /etc/udev/rules.d/99-realsense.rules, run udevadm control --reload, and plug the camera in again";

/// The RealSense cameras that are plugged in.
pub fn cameras() -> Vec<UsbCamera> {
    cameras_in(Path::new("/sys/bus/usb/devices"), Path::new("/dev/bus/usb"))
}

fn cameras_in(devices: &Path, nodes: &Path) -> Vec<UsbCamera> {
    let Ok(entries) = fs::read_dir(devices) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    folders
        .iter()
        .filter_map(|folder| camera(folder, nodes))
        .collect()
}

fn camera(folder: &Path, nodes: &Path) -> Option<UsbCamera> {
    let attribute = |name| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        Some(text.trim().to_owned())
    };
    let product = attribute("product")?;
    if attribute("idVendor")? != VENDOR || !product.contains("RealSense") {
        return None;
    }
    let number = |name| attribute(name)?.parse::<u32>().ok();
    let node = nodes
        .join(format!("{:03}", number("busnum")?))
        .join(format!("{:03}", number("devnum")?));
    Some(UsbCamera {
        product,
        speed_mbit_s: attribute("speed")?.parse().ok()?,
        may_be_used: OpenOptions::new().read(true).write(true).open(node).is_ok(),
    })
}

/// Why librealsense finds no camera, in plain words.
pub fn why_absent(plugged: &[UsbCamera]) -> String {
    match plugged {
        [] => "no RealSense camera is plugged in".to_owned(),
        [camera, ..] if !camera.may_be_used => format!(
            "{} is plugged in, but this user may not use it; {PERMISSION_HELP}",
            camera.product
        ),
        [camera, ..] => format!(
            "{} is plugged in, but librealsense does not find it; plug it in again, and see whether another program uses it",
            camera.product
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder like sysfs with one device, and one like /dev/bus/usb with its node if that is to be there.
    fn device(attributes: &[(&str, &str)], has_node: bool) -> Vec<UsbCamera> {
        let root = tempfile::tempdir().unwrap();
        let (devices, nodes) = (root.path().join("devices"), root.path().join("nodes"));
        fs::create_dir_all(devices.join("2-1")).unwrap();
        fs::create_dir_all(devices.join("usb2")).unwrap();
        fs::create_dir_all(nodes.join("002")).unwrap();
        for (name, value) in attributes {
            fs::write(devices.join("2-1").join(name), format!("{value}\n")).unwrap();
        }
        if has_node {
            fs::write(nodes.join("002/007"), "").unwrap();
        }
        cameras_in(&devices, &nodes)
    }

    const D455: [(&str, &str); 5] = [
        ("idVendor", "8086"),
        ("product", "Intel(R) RealSense(TM) Depth Camera 455 "),
        ("speed", "5000"),
        ("busnum", "2"),
        ("devnum", "7"),
    ];

    #[test]
    fn a_camera_is_found_with_its_speed_and_rights() {
        let found = device(&D455, true);
        assert_eq!(found.len(), 1);
        assert!(found[0].product.ends_with("Depth Camera 455"));
        assert!(found[0].is_fast() && found[0].may_be_used);
        assert!(why_absent(&found).contains("does not find it"));

        let mut slow = D455;
        slow[2].1 = "480";
        let found = device(&slow, false);
        assert!(!found[0].is_fast() && !found[0].may_be_used);
        assert!(why_absent(&found).contains("udev"));
    }

    #[test]
    fn other_devices_and_odd_attributes_are_no_cameras() {
        for (at, value) in [
            (0, "046d"),
            (1, "Bluetooth"),
            (2, "fast"),
            (3, ""),
            (4, "-1"),
        ] {
            let mut other = D455;
            other[at].1 = value;
            assert_eq!(device(&other, true), [], "{value:?}");
        }
        assert_eq!(device(&[], true), []);
        assert_eq!(cameras_in(Path::new("/none"), Path::new("/none")), []);
        assert!(why_absent(&[]).contains("no RealSense"));
    }
}
