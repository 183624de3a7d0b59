"""What a car is made of: ``car.toml``, typed and checked, and the folder that it is in."""
