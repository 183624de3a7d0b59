"""The drivetrains."""
