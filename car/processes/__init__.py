"""The processes of a driving car and the memory they share."""
