"""All that crosses the border between two processes."""
