"""The Donkey simulator's TCP protocol, so that gym-donkeycar and Donkey Car drive in our world."""
