"""A test of the gate's tests: break the gate in every small way, and see whether they notice."""
