"""Models compared on the same frames: how far each is from the driver, where, and whether that may be chance."""
