"""The robots that checkpoint folders belong to, and recordings as their networks know them.

Networks give an action the meaning that it had when they learned. A robot outside the registry takes its ranges from
its own actions, which differ from recording to recording. So the first training decides: `robot.json` describes the
robot, and later recordings of it are scaled by that. Another robot of the same name, or with other channels, gets a
folder of its own. A recording that a robot adopted counts as that one's.
"""

from training.checkpoints.robots.file import FILE, KeptRobot, read_robot
from training.checkpoints.robots.fit import fit_profile, fit_recording, may_be_renamed
from training.checkpoints.robots.keep import Others, fit_to_train, is_of_robot, keep_robot, keep_robots
from training.checkpoints.robots.sessions import RobotSessions

__all__ = [
    "FILE",
    "KeptRobot",
    "Others",
    "RobotSessions",
    "fit_profile",
    "fit_recording",
    "fit_to_train",
    "is_of_robot",
    "keep_robot",
    "keep_robots",
    "may_be_renamed",
    "read_robot",
]
