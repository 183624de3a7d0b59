"""``car doctor``: what is right and wrong with a car and its machine, and what fixes it."""
