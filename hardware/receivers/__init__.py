"""RC receivers: what a transmitter's sticks and switches say."""
