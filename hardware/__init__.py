"""Everything that is, or imitates, a device: clock, cameras, drivetrains and the simulated world."""
