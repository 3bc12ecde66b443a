"""An independent RTDE and dashboard client (PyPI ur-rtde) against the controller's face.

usage: rtde_client.py HOST RTDE_SECONDS; RTDE is on port 30004, the dashboard on 29999 of HOST.
Prints what it received as JSON.
"""

import json
import sys
import time

import dashboard_client
import rtde_receive

host, seconds = sys.argv[1], float(sys.argv[2])
receive = rtde_receive.RTDEReceiveInterface(host, 125.0)
timestamps = []
end = time.monotonic() + seconds
while time.monotonic() < end:
    timestamp = receive.getTimestamp()
    if not timestamps or timestamps[-1] != timestamp:
        timestamps.append(timestamp)
    time.sleep(0.001)
dashboard = dashboard_client.DashboardClient(host)
dashboard.connect()
result = {
    "timestamps": timestamps,
    "q": receive.getActualQ(),
    "target_q": receive.getTargetQ(),
    "tcp_pose": receive.getActualTCPPose(),
    "robot_mode": receive.getRobotMode(),
    "safety_mode": receive.getSafetyMode(),
    "runtime_state": receive.getRuntimeState(),
    "robotmode": dashboard.robotmode(),
    "safetymode": dashboard.safetymode(),
    "running": dashboard.running(),
    "model": dashboard.getRobotModel(),
    "version": dashboard.polyscopeVersion(),
}
dashboard.disconnect()
receive.disconnect()
print(json.dumps(result))
