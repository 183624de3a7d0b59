"""Who has the car: the seats of everyone who could drive, and the gamepad, the RC receiver."""
