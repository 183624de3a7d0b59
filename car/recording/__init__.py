"""From the drive loop to a session on the disk."""
