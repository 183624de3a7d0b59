"""The drive loop without real time: simulated in lock-step, and replayed."""
