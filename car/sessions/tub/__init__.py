"""Donkey Car's recordings: tubs in, tubs out."""
