"""A notice that one process pins up and others read: a few words of JSON that the next ones take the place of."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from ctypes import c_uint8
from multiprocessing.context import SpawnContext
from typing import Any

from car.link.ring import keep_order

_HEAD = struct.Struct("QQ")
SIZE_BYTES = 4096


class Bulletin:
    """Shared memory of one JSON object; neither the writer nor a reader ever waits.

    >>> bulletin = Bulletin(context)
    >>> bulletin.read()                      # before the first post
    {}
    >>> bulletin.post({"recording": True})   # in the one process
    >>> bulletin.read()["recording"]         # in the others
    True

    One process writes at a time; a successor of one that died while it wrote goes on. Raises ValueError for an object
    that does not fit into ``SIZE_BYTES``.
    """

    def __init__(self, context: SpawnContext) -> None:
        self._memory = context.RawArray(c_uint8, _HEAD.size + SIZE_BYTES)
        self._seen = 0
        self._content: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_seen": 0, "_content": {}}

    def post(self, content: Mapping[str, Any]) -> None:
        """Put ``content`` in the place of what stands there."""
        data = json.dumps(content, separators=(",", ":")).encode()
        if len(data) > SIZE_BYTES:
            raise ValueError(f"{len(data)} bytes do not fit into a bulletin of {SIZE_BYTES}.")
        memory = self._bytes()
        sequence = _HEAD.unpack_from(memory)[0] | 1
        # Odd while it is being written; whoever reads then keeps what they had.
        _HEAD.pack_into(memory, 0, sequence, 0)
        keep_order()
        memory[_HEAD.size : _HEAD.size + len(data)] = data
        keep_order()
        _HEAD.pack_into(memory, 0, sequence + 1, len(data))

    def read(self) -> dict[str, Any]:
        """Return the newest object that is there as a whole."""
        memory = self._bytes()
        sequence, size = _HEAD.unpack_from(memory)
        if sequence % 2 == 0 and sequence != self._seen:
            keep_order()
            data = bytes(memory[_HEAD.size : _HEAD.size + size])
            keep_order()
            if _HEAD.unpack_from(memory)[0] == sequence:
                self._seen, self._content = sequence, json.loads(data)
        return self._content

    def _bytes(self) -> memoryview:
        return memoryview(self._memory).cast("B")
