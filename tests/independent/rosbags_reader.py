"""Reads a recording with PyPI's rosbags, by the definitions in the file, and tells as JSON what is in it.

    python tests/independent/rosbags_reader.py FILE.mcap

Every message is decoded. Each type in the file is compared with rosbags' own of ROS 2 Humble, by the hash that ROS 2
makes of a type's description.
"""

import json
import sys

from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

HUMBLE = get_typestore(Stores.ROS2_HUMBLE)


def main(path):
    topics, hashes_differ, last = {}, set(), {}
    with Reader(path) as reader:
        recorded = get_typestore(Stores.EMPTY)
        for connection in reader.connections:
            recorded.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
            topics[connection.topic] = {"type": connection.msgtype, "count": connection.msgcount}
        for name in recorded.fielddefs:
            if recorded.hash_rihs01(name) != HUMBLE.hash_rihs01(name):
                hashes_differ.add(name)
        for connection, _, data in reader.messages():
            last[connection.topic] = recorded.deserialize_cdr(data, connection.msgtype)
    image = last["/camera/color/image_raw"]
    click = last["/camera/color/image_raw/mouse_click"]
    state = last["/supervisor/state"]
    told = {
        "topics": topics,
        "hashes_differ": sorted(hashes_differ),
        "image": [image.width, image.height, image.encoding, int(image.data.sum()), image.header.stamp.sec],
        "click": [click.point.x, click.point.y, click.header.frame_id],
        "state": [state.message, state.values[0].key],
        "transform": last["/tf_static"].transforms[0].transform.translation.y,
        "joints": [list(last["/joint_states"].name), list(last["/joint_states"].position)],
    }
    print(json.dumps(told))


main(sys.argv[1])
