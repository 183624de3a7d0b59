"""``car doctor``: what is right and wrong with a car and the machine it runs on, and what mends it."""
