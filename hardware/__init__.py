"""Devices, and what wraps a device to break it: clock, cameras, drivetrains, sensors, pins."""
