"""How good a pilot is: on recorded frames, and at the wheel."""
