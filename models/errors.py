"""What can go wrong with a model."""


class ModelError(ValueError):
    """A file is not a pilot model, or it does not fit the car."""
