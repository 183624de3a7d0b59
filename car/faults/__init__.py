"""Breaking the car on purpose, to see it stop: what can go wrong, what is promised then, and trials on two clocks."""
