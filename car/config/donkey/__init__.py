"""From a Donkey Car's ``myconfig.py``, which is read and never run, to a ``car.toml``."""
