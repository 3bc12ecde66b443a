//! Tells the two homes of OpenCV's ArUco detector apart: the module `aruco` up to 4.6, `objdetect` from 4.7 on.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(aruco_in_objdetect)");
    #[cfg(feature = "opencv")]
    {
        let found = pkg_config::Config::new()
            .cargo_metadata(false)
            .range_version("4.7".."6")
            .probe("opencv4");
        if found.is_ok() {
            println!("cargo::rustc-cfg=aruco_in_objdetect");
        }
    }
}
