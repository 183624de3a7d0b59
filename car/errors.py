"""What the program says instead of a traceback.

::

    HardwareError (OSError)                 hardware/errors.py: cameras, drivetrains, tracks
    ModelError (ValueError)                 models/errors.py: not a model, wrong shape, wrong card
    ├── NoSuchModel (LookupError)           the car has no model of that name
    └── ModelNameTaken                      the car has another model of that name
    CarError (Exception)
    ├── ConfigError (ValueError)            car.toml has an unknown key or a value that is not allowed
    ├── SessionError (ValueError)           not a session, or nothing in it can be read
    │   ├── TubError                        not a Donkey Car tub, or nothing in it can be read
    │   ├── ExportError                     it cannot be put into the form that was asked for
    │   ├── NoSuchSession (LookupError)     the car has no session of that name
    │   └── SessionBusy                     it is being recorded, or its name is taken
    ├── RecordingError (OSError)            a recording cannot be written
    ├── TrainingError (ValueError)          too little data, or a model that cannot be trained from it
    │   └── UnusableSession                 a session that a training leaves out
    ├── AccessError (OSError)               what the car knows of its paired browsers cannot be written
    ├── StreamError (OSError)               the live stream has no port to listen on
    ├── RemoteError (OSError)               a car in the network does not answer, or is not the one that was paired
    │   └── Refusal                         it answers, and says no
    ├── CarInUse (OSError)                  another program drives or calibrates this car, or uses its outputs
    ├── TrialError (RuntimeError)           a fault cannot be tried, or the car to be broken does not start
    ├── LatencyError (RuntimeError)         the LED of `car latency` is not seen, or the wheels are not at neutral
    └── MissingPackage (ImportError)        an optional package is needed and not installed

Every message is one sentence that says what is wrong, and one that says what to do next. The command line prints it
and ends with exit code 1; ``--debug`` shows the traceback.
"""

from __future__ import annotations

from hardware.errors import HardwareError
from models.errors import ModelError


class NoSuchModel(ModelError, LookupError):
    """The car has no model of that name."""


class ModelNameTaken(ModelError):
    """The car has another model of that name."""


class CarError(Exception):
    """Base of all errors raised by ``car`` and ``training``."""


class ConfigError(CarError, ValueError):
    """car.toml has an unknown key or a value that is not allowed."""


class SessionError(CarError, ValueError):
    """Not a session, or nothing in it can be read."""


class TubError(SessionError):
    """Not a Donkey Car tub, or nothing in it can be read."""


class ExportError(SessionError):
    """What is to be exported cannot be put into the form that was asked for."""


class NoSuchSession(SessionError, LookupError):
    """The car has no session of that name, or the session no such frame."""


class SessionBusy(SessionError):
    """A session is being recorded, or its name is taken."""


class RecordingError(CarError, OSError):
    """A recording cannot be written."""


class TrainingError(CarError, ValueError):
    """Too little data, or a model that cannot be trained from it."""


class UnusableSession(TrainingError):
    """There is nothing to learn from a session, or not beside the others."""


class AccessError(CarError, OSError):
    """What the car knows of its paired browsers cannot be written."""


class StreamError(CarError, OSError):
    """The live stream has no port to listen on."""


class RemoteError(CarError, OSError):
    """A car in the network does not answer, is not the one that was paired, or its answer makes no sense."""


class Refusal(RemoteError):
    """A car in the network answers, and says no; ``status`` is HTTP's number for it."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class CarInUse(CarError, OSError):
    """Another program drives or calibrates this car, or uses its outputs."""


class TrialError(CarError, RuntimeError):
    """A fault cannot be tried, or the car to be broken does not start."""


class LatencyError(CarError, RuntimeError):
    """The latency cannot be measured: the LED is not seen, or the wheels are not at neutral."""


class MissingPackage(CarError, ImportError):
    """An optional package is needed and not installed."""


KNOWN_ERRORS = (CarError, HardwareError, ModelError)
"""What the command line turns into one line."""
