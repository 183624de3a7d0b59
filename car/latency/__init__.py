"""How long light takes to become a pulse at the wheels: an LED that blinks in the camera's picture."""
