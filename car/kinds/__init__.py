"""Kinds of camera, drivetrain, sensor and pilot: ours and a stranger's, found by name."""
