"""How fast the wheels turn: for the drive's records, and for a car that holds the speed that it is asked for."""
