"""Lap times: of a simulated car by its track, of a real one by a marker at the start line, or by hand."""
