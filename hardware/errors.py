"""What a device can answer instead of working.

::

    HardwareError (OSError)
    ├── CameraError
    │   ├── CameraTimeout (TimeoutError)    no frame came in the time allowed
    │   └── EndOfFrames                     a recording has been played to its end
    ├── DrivetrainError                     the wheels cannot be commanded
    ├── SensorError                         the sensor cannot measure
    ├── ReceiverError                       the RC receiver cannot be heard
    │   └── ReceiverBusy                    another program hears it
    ├── ContractError (AssertionError)      a device does not keep what its kind promises
    └── TrackError (ValueError)             no such track, or one that cannot be driven

Every message is one sentence that says what is wrong, and one that says what to do next.
"""


class HardwareError(OSError):
    """Base of all errors raised by ``hardware``."""


class CameraError(HardwareError):
    """The camera cannot deliver frames."""


class CameraTimeout(CameraError, TimeoutError):
    """No frame came in the time allowed."""


class EndOfFrames(CameraError):
    """A recording has been played to its end."""


class DrivetrainError(HardwareError):
    """The wheels cannot be commanded: pins that are not there, a bus that does not answer, a closed drivetrain."""


class SensorError(HardwareError):
    """The sensor cannot measure: it is not there, does not answer, or is closed."""


class ReceiverError(HardwareError):
    """The RC receiver cannot be heard: its port is not there, is not this user's, or is another program's."""


class ReceiverBusy(ReceiverError):
    """Another program has the RC receiver's port; which may be this car, while it drives."""


class ContractError(HardwareError, AssertionError):
    """A device does not keep what its kind promises; its author has to fix it."""


class TrackError(HardwareError, ValueError):
    """No track of that name exists, or its centre line crosses itself."""
