"""Recordings without a robot, of simulated ones and of environments: `python -m session.record`."""
