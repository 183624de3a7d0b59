"""The program on the car: gate, drive loop, pilots, sessions and the command line."""
