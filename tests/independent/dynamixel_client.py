"""An independent Dynamixel master (PyPI dynamixel-sdk) against the face of the servo bus.

usage: dynamixel_client.py PORT; PORT is the pseudo-terminal. Prints what it received as JSON.
"""

import json
import sys

from dynamixel_sdk import GroupSyncRead, GroupSyncWrite, PacketHandler, PortHandler

IDS = [1, 2, 3, 4, 5]
TORQUE_ENABLE, GOAL_POSITION, PRESENT_LOAD, PRESENT_POSITION = 64, 116, 126, 132


def signed(value, bits):
    return value - (1 << bits) if value >= 1 << (bits - 1) else value


port = PortHandler(sys.argv[1])
assert port.openPort()
packets = PacketHandler(2.0)


def patiently(call, *arguments):
    """The SDK's time-outs are those of an idle machine: ask again before calling it a failure."""
    for _ in range(10):
        *values, result, error = call(port, *arguments)
        if result == 0:
            break
    assert (result, error) == (0, 0), (arguments, result, error)
    return values


models = [patiently(packets.ping, servo)[0] for servo in IDS]


def positions():
    read = GroupSyncRead(port, packets, PRESENT_LOAD, 10)
    for servo in IDS:
        read.addParam(servo)
    assert any(read.txRxPacket() == 0 for _ in range(10))
    return [signed(read.getData(servo, PRESENT_POSITION, 4), 32) for servo in IDS]


before = positions()
for servo in IDS:
    patiently(packets.write1ByteTxRx, servo, TORQUE_ENABLE, 1)
# -131073 is ff ff fd ff on the wire, which must be stuffed both ways.
goals = [-769, -131073, 1000, -1, 0]
write = GroupSyncWrite(port, packets, GOAL_POSITION, 4)
for servo, goal in zip(IDS, goals):
    write.addParam(servo, list((goal & 0xFFFFFFFF).to_bytes(4, "little")))
assert write.txPacket() == 0
_, result, error = packets.read1ByteTxRx(port, 200, TORQUE_ENABLE)
absent = result
after = before
for _ in range(200):
    after = positions()
    if after == goals:
        break
for _ in range(10):
    result, refused = packets.write1ByteTxRx(port, 1, PRESENT_POSITION, 0)
    if result == 0:
        break
print(json.dumps({"models": models, "before": before, "after": after, "goals": goals, "absent": absent, "refused": refused}))
