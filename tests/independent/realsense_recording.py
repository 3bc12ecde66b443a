"""Records a made-up RealSense camera with librealsense's own software device, and tells as JSON what it saw.

    python tests/independent/realsense_recording.py FILE.db3      (FILE.bag with pyrealsense2 up to 2.56)

Needs PyPI's pyrealsense2. The camera looks at a wall 0.8 m away with a box 0.6 m away before it; one patch of the wall has
no depth. Its colour camera has a lens, and stands beside the depth camera, turned a little. The JSON has the figures of
both and what librealsense's projection makes of some points.
"""

import json
import math
import sys
import time

import pyrealsense2 as rs

COLOUR, DEPTH, FPS, COUNT = (320, 180), (212, 120), 30, 45
WALL_MM, BOX_MM = 800, 600
BOX, HOLE = (80, 40, 130, 80), (20, 90, 24, 94)  # left, top, right, bottom in the depth image
TURN = math.radians(1.5)


def intrinsics(size, focal, principal, model, coefficients):
    made = rs.intrinsics()
    (made.width, made.height), (made.fx, made.fy), (made.ppx, made.ppy) = size, focal, principal
    made.model, made.coeffs = model, coefficients
    return made


def video_stream(kind, uid, figures, bytes_per_pixel, pixel_format):
    made = rs.video_stream()
    made.type, made.index, made.uid, made.fps = kind, 0, uid, FPS
    made.width, made.height, made.intrinsics = figures.width, figures.height, figures
    made.bpp, made.fmt = bytes_per_pixel, pixel_format
    return made


def depth_pixels():
    left, top, right, bottom = BOX
    rows = []
    for y in range(DEPTH[1]):
        for x in range(DEPTH[0]):
            value = BOX_MM if left <= x < right and top <= y < bottom else WALL_MM
            if HOLE[0] <= x < HOLE[2] and HOLE[1] <= y < HOLE[3]:
                value = 0
            rows.append(value.to_bytes(2, "little"))
    return b"".join(rows)


def colour_pixels(number):
    """Red tells the image's number, green the column, blue the row."""
    return b"".join(bytes((number, x & 255, y)) for y in range(COLOUR[1]) for x in range(COLOUR[0]))


def frame(number, pixels, stride, bytes_per_pixel, profile):
    made = rs.software_video_frame()
    made.pixels, made.stride, made.bpp, made.profile = pixels, stride, bytes_per_pixel, profile.as_video_stream_profile()
    made.timestamp, made.domain, made.frame_number = 5000.0 + 1000.0 * number / FPS, rs.timestamp_domain.hardware_clock, number
    return made


def main(path):
    depth_lens = intrinsics(DEPTH, (110.0, 110.5), (105.2, 60.3), rs.distortion.none, [0.0] * 5)
    colour_lens = intrinsics(
        COLOUR, (160.5, 161.5), (158.25, 91.75), rs.distortion.inverse_brown_conrady, [-0.056, 0.067, 0.0005, -0.0004, -0.021]
    )
    device = rs.software_device()
    device.register_info(rs.camera_info.name, "Made-up D455")
    device.register_info(rs.camera_info.serial_number, "123456789012")
    depth_sensor, colour_sensor = device.add_sensor("Stereo Module"), device.add_sensor("RGB Camera")
    depth = depth_sensor.add_video_stream(video_stream(rs.stream.depth, 1, depth_lens, 2, rs.format.z16))
    colour = colour_sensor.add_video_stream(video_stream(rs.stream.color, 2, colour_lens, 3, rs.format.rgb8))
    depth_sensor.add_read_only_option(rs.option.depth_units, 0.001)
    depth_sensor.add_read_only_option(rs.option.stereo_baseline, 95.0)
    colour_from_depth = rs.extrinsics()
    c, s = math.cos(TURN), math.sin(TURN)
    colour_from_depth.rotation = [c, 0.0, -s, 0.0, 1.0, 0.0, s, 0.0, c]  # columns, about y
    colour_from_depth.translation = [0.059, 0.001, -0.0005]
    depth.register_extrinsics_to(colour, colour_from_depth)

    recorder = rs.recorder(path, device)
    sensors, queue = recorder.query_sensors(), rs.frame_queue(2 * COUNT)
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles()[0])
        sensor.start(queue)
    depth_bytes = depth_pixels()
    began = time.monotonic()
    for number in range(1, COUNT + 1):
        depth_sensor.on_video_frame(frame(number, depth_bytes, 2 * DEPTH[0], 2, depth))
        colour_sensor.on_video_frame(frame(number, colour_pixels(number), 3 * COLOUR[0], 3, colour))
        time.sleep(max(0.0, began + number / FPS - time.monotonic()))
    for sensor in sensors:
        sensor.stop()
        sensor.close()

    points = [[x / 10, y / 10, 0.7] for x in range(-6, 7, 2) for y in range(-3, 4, 2)]

    def lens(made):
        return {
            "size": [made.width, made.height],
            "focal": [made.fx, made.fy],
            "principal": [made.ppx, made.ppy],
            "coefficients": list(made.coeffs),
        }

    json.dump(
        {
            "count": COUNT,
            "fps": FPS,
            "depth": lens(depth_lens),
            "colour": lens(colour_lens),
            "rotation_columns": list(colour_from_depth.rotation),
            "translation": list(colour_from_depth.translation),
            "wall_mm": WALL_MM,
            "box_mm": BOX_MM,
            "box": BOX,
            "hole": HOLE,
            "points": points,
            "pixels": [rs.rs2_project_point_to_pixel(colour_lens, point) for point in points],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
