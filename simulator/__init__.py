"""The world that a simulated car drives in: tracks, renderer, vehicle, expert."""
