"""Which browsers may drive the car: codes, certificates, and how the car is found."""
