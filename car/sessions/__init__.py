"""Sessions: recordings of drives, written, read, repaired and imported."""
