"""Exploration: every reachable state of the gate at 50 ms, and every fault of the processes around it."""
