"""Pilots: what turns a frame into a command."""
