#!/usr/bin/env python3
"""Write the golden CDR files of crate `msgs` with the independent implementation `rosbags`.

    pip install rosbags==0.11.9
    python tests/golden/make_cdr_golden.py nodes/msgs/tests/golden

Every message type gets one file, <package>.<Type>.hex: the names of its fields, then the encoded message, header
included, 32 bytes a line.
Values follow one rule, known to the Rust test as well: a counter runs through the fields in order of definition, and

    bool      counter odd
    integer   counter (signed ones negative when the counter is odd)
    float     counter + 0.5, negative when the counter is odd
    string    "s" and the counter
    sequence  two elements: of a struct, of a string, of a number
    array     all of its elements

Then fill(type) is called for the next field. So no two fields of a message look alike, and a field that is missing,
swapped, misaligned or of another width changes the bytes.
"""

import sys
from pathlib import Path

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

STORE = get_typestore(Stores.ROS2_HUMBLE)

SERVICES = {
    "std_srvs/msg/Empty_Request": "uint8 structure_needs_at_least_one_member",
    "std_srvs/msg/Empty_Response": "uint8 structure_needs_at_least_one_member",
    "std_srvs/msg/Trigger_Request": "uint8 structure_needs_at_least_one_member",
    "std_srvs/msg/Trigger_Response": "bool success\nstring message",
    "std_srvs/msg/SetBool_Request": "bool data",
    "std_srvs/msg/SetBool_Response": "bool success\nstring message",
    "lifecycle_msgs/msg/ChangeState_Request": "lifecycle_msgs/Transition transition",
    "lifecycle_msgs/msg/ChangeState_Response": "bool success",
    "lifecycle_msgs/msg/GetAvailableStates_Request": "uint8 structure_needs_at_least_one_member",
    "lifecycle_msgs/msg/GetAvailableStates_Response": "lifecycle_msgs/State[] available_states",
    "lifecycle_msgs/msg/GetAvailableTransitions_Request": "uint8 structure_needs_at_least_one_member",
    "lifecycle_msgs/msg/GetAvailableTransitions_Response":
        "lifecycle_msgs/TransitionDescription[] available_transitions",
    "lifecycle_msgs/msg/GetState_Request": "uint8 structure_needs_at_least_one_member",
    "lifecycle_msgs/msg/GetState_Response": "lifecycle_msgs/State current_state",
    "rcl_interfaces/msg/ListParameters_Request": "string[] prefixes\nuint64 depth",
    "rcl_interfaces/msg/ListParameters_Response": "rcl_interfaces/ListParametersResult result",
    "rcl_interfaces/msg/GetParameters_Request": "string[] names",
    "rcl_interfaces/msg/GetParameters_Response": "rcl_interfaces/ParameterValue[] values",
    "rcl_interfaces/msg/GetParameterTypes_Request": "string[] names",
    "rcl_interfaces/msg/GetParameterTypes_Response": "uint8[] types",
    "rcl_interfaces/msg/DescribeParameters_Request": "string[] names",
    "rcl_interfaces/msg/DescribeParameters_Response": "rcl_interfaces/ParameterDescriptor[] descriptors",
    "rcl_interfaces/msg/SetParameters_Request": "rcl_interfaces/Parameter[] parameters",
    "rcl_interfaces/msg/SetParameters_Response": "rcl_interfaces/SetParametersResult[] results",
    "rcl_interfaces/msg/SetParametersAtomically_Request": "rcl_interfaces/Parameter[] parameters",
    "rcl_interfaces/msg/SetParametersAtomically_Response": "rcl_interfaces/SetParametersResult result",
}


class Filler:
    """Fills messages by the rule above."""

    def __init__(self):
        self.counter = 0

    def base(self, kind):
        self.counter += 1
        count = self.counter
        if kind == "string":
            return f"s{count}"
        if kind == "bool":
            return count % 2 == 1
        sign = -1 if count % 2 else 1
        if kind.startswith("float"):
            return sign * (count + 0.5)
        return count if kind.startswith("u") or kind in ("byte", "char", "octet") else sign * count

    def message(self, name):
        fields = STORE.fielddefs[name][1]
        values = {field: self.value(definition, field) for field, definition in fields}
        return STORE.types[name](**values)

    def value(self, definition, field):
        node, details = definition
        if field == "structure_needs_at_least_one_member":
            return 0
        if int(node) == 1:
            return self.base(details[0])
        if int(node) == 2:
            return self.message(details)
        (inner, length) = details
        length = 2 if int(node) == 4 else length
        items = [self.value(inner, "") for _ in range(length)]
        if int(inner[0]) == 1 and inner[1][0] != "string":
            kind = {"byte": "uint8", "octet": "uint8", "char": "uint8"}.get(inner[1][0], inner[1][0])
            return np.array(items, dtype=kind)
        return items


def main(out, names):
    for name, definition in SERVICES.items():
        STORE.register(get_types_from_msg(definition, name))
    for name in names:
        package, kind = name.split(".")
        ros_name = f"{package}/msg/{kind}"
        data = bytes(STORE.serialize_cdr(Filler().message(ros_name), ros_name))
        lines = [data[start:start + 32].hex() for start in range(0, len(data), 32)]
        fields = " ".join(field for field, _ in STORE.fielddefs[ros_name][1])
        (out / f"{name}.hex").write_text("\n".join([f"# {fields}", *lines]) + "\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    known = sorted(path.stem for path in folder.glob("*.hex"))
    main(folder, sys.argv[2:] or known)
