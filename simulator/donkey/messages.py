"""The wire of the Donkey simulator: flat JSON objects, with a line break after each or none, all values strings or not.

Clients of today send objects back to back and numbers as strings; older ones put a line break between them. The server
ends each of its objects with a line break and writes ASCII, since clients decode what they get piece by piece.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Mapping
from typing import Any

MAX_CHARACTERS = 65_536
"""No client has a message as long as that."""

Message = Mapping[str, Any]


class Garbled(ValueError):
    """What a client sends are no messages."""


class MessageStream:
    """Cuts what comes in into messages, wherever it was cut on its way.

    >>> stream = MessageStream()
    >>> stream.feed(b'{"msg_type": "get_scene_names"}{"msg_type": "con')
    [{'msg_type': 'get_scene_names'}]
    >>> stream.feed(b'trol", "steering": "0.1"}')
    [{'msg_type': 'control', 'steering': '0.1'}]
    """

    def __init__(self) -> None:
        self._rest = ""
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = json.JSONDecoder()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the messages that are whole by now; raises Garbled for what can become none."""
        piece = self._text.decode(data)
        self._rest = (self._rest + piece).lstrip()
        found = []
        # Without a closing bracket in it, a piece completes nothing.
        while self._rest and "}" in piece:
            if not self._rest.startswith("{"):
                break
            try:
                message, end = self._decoder.raw_decode(self._rest)
            except json.JSONDecodeError as problem:
                # Where a bracket closes behind what is wrong, it is not merely the end that is missing.
                if "}" in self._rest[problem.pos :] and not problem.msg.startswith("Unterminated"):
                    raise Garbled("it sends an object that is no JSON.") from problem
                break
            except RecursionError as problem:
                raise Garbled("it sends an object in too many others.") from problem
            found.append(message)
            self._rest = self._rest[end:].lstrip()
        if self._rest and not self._rest.startswith("{"):
            raise Garbled("it sends something else than JSON objects.")
        if len(self._rest) > MAX_CHARACTERS:
            raise Garbled(f"it sends an object of more than {MAX_CHARACTERS // 1024} kB.")
        return found


def line_of(message: Message) -> bytes:
    """Return a message as it goes to a client."""
    return json.dumps(message).encode("ascii") + b"\n"


def number(message: Message, key: str, otherwise: float = 0.0) -> float:
    """Return a number that may be written as a string; ``otherwise`` where there is none, or one that is not finite."""
    try:
        value = float(message[key])
    except (KeyError, TypeError, ValueError, OverflowError):
        return otherwise
    return value if math.isfinite(value) else otherwise


def clipped(value: float, low: float, high: float) -> float:
    """Return ``value``, or the end of the range that it is beyond."""
    return min(max(value, low), high)
