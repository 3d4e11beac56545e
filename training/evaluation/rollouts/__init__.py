"""Frames imagined one after another: under actions that a visitor presses, and beside the simulator."""
