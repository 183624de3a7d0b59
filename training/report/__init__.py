"""The data report: what is in recorded drives, what is wrong with them, and what to do about it before training."""
