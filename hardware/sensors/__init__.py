"""Sensors that people buy."""
