"""Writing of LeRobotDatasets of version 3.0, without the ``lerobot`` package."""
