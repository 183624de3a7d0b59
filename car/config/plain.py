"""What is known of a car before its ``car.toml`` is read: the file's name, and what others take from it.

These stand apart because ``car neutral`` needs them too, and imports next to nothing.
"""

from __future__ import annotations

CONFIG_NAME = "car.toml"
CONFIG_ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark that some of Windows's editors put at a file's beginning, where nobody sees it."""
DEFAULT_CAR = "mycar"

JPEG_QUALITY = 75
"""Of recorded frames."""
