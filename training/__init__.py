"""From sessions to pilot models, on a laptop."""
