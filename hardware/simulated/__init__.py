"""The simulated world: tracks, renderer, vehicle, expert driver."""
