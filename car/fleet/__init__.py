"""A laptop that looks after several cars: what each does, STOP for all of them, and models and sessions for all."""
