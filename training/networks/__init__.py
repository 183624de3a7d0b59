"""The networks that a pilot can be."""
