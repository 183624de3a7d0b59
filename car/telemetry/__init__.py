"""How the car itself is while it drives: what is measured of it about once a second, and how."""
