"""The terminal: keys, colours, progress."""
