"""Finds every chunk of a session that the disk kept, in a file that may be cut anywhere and have holes anywhere.

An MCAP file is a row of records: one byte of kind, eight bytes of length, content. Messages lie in chunks, and a chunk
carries a CRC of its content; hardly anything else does, so nothing else is believed. Where the row breaks, the next
chunk whose CRC is right is searched for byte by byte.
"""

from __future__ import annotations

import os
import re
import struct
import threading
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from car.sessions.format import TOPICS, Topic

MAGIC = b"\x89MCAP0\r\n"
MAX_RECORD_BYTES = 64 * 1024 * 1024
"""No length in a damaged file makes the reader allocate more than this. A healthy chunk is about a megabyte."""
WINDOW_BYTES = 1024 * 1024

_FOOTER, _CHANNEL, _MESSAGE, CHUNK = 0x02, 0x04, 0x05, 0x06
_LAST_KIND = 0x0F
_HEAD = struct.Struct("<BQ")
_CHUNK_HEAD = struct.Struct("<QQQII")  # first and last log time, size, CRC, length of the compression's name
_LENGTH = struct.Struct("<Q")
_MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time
_CHANNEL_HEAD = struct.Struct("<HHI")  # channel, schema, length of the topic's name
_FOOTER_BODY = struct.Struct("<QQI")  # start of the summary, start of its offsets, CRC
_FOOTER_BYTES = _HEAD.size + _FOOTER_BODY.size
_FOOTER_HEAD = _HEAD.pack(_FOOTER, _FOOTER_BODY.size)
_CRC_BYTES = 4
_COMPRESSIONS = (b"zstd", b"lz4")
_LONGEST_NAME = 4
# The head of an uncompressed chunk below 4 GB: kind, length, times and size, CRC, no compression's name, size again.
_CHUNK_PATTERN = re.compile(rb"\x06(?=[\s\S]{4}\0{4}[\s\S]{20}\0{4}[\s\S]{4}\0{4}[\s\S]{4}\0{4})")
_PATTERN_BYTES = _HEAD.size + _CHUNK_HEAD.size + _LENGTH.size


class Source:
    """A file that is read at offsets, from any thread, and closed with the object."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.close = weakref.finalize(self, os.close, descriptor)
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._turn = threading.Lock()

    def grow(self) -> bool:
        """Take note of what was appended since; True if anything was."""
        before, self.size = self.size, os.fstat(self._descriptor).st_size
        return self.size > before

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on; fewer at the end of the file and where the disk refuses."""
        # Not a memory map: what a failing card answers there is not an error but the end of the process.
        try:
            with self._turn:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                return os.read(self._descriptor, max(0, min(length, self.size - offset)))
        except OSError:
            return b""


class Chunk(NamedTuple):
    """The content of a chunk whose CRC is right, and the offset in the file where that content starts."""

    start: int
    data: bytes


class Message(NamedTuple):
    """A message of one of our topics; its payload is ``length`` bytes at ``offset`` in the file."""

    topic: Topic
    number: int
    log_ns: int
    publish_ns: int
    offset: int
    length: int
    payload: bytes


class Scanner:
    """Goes once through a file.

    While ``chunks`` runs it counts ``holes``, the places where the row of records was broken (in most
    of them at least one chunk is lost), and ``bytes_skipped``, what they span, with a last record that was cut short.
    ``closed`` says that the file ends with a whole summary, ``compression`` names the one its chunks have (ours: none).
    ``trusted`` is the end of the last chunk found; a scanner that starts there goes on where this one had to stop.
    """

    def __init__(self, source: Source, start: int = len(MAGIC)) -> None:
        self._source = source
        self.has_magic = source.read(0, len(MAGIC)) == MAGIC
        self.closed = ends_with_summary(source)
        # Channels are described in the first chunk only, which may be lost; ours have the same ids in every file.
        self._topics: dict[int, Topic | None] = {topic.channel_id: topic for topic in TOPICS}
        self.compression = ""
        self.foreign_messages = 0
        self.holes = 0
        self.bytes_skipped = 0
        self.trusted = start

    def messages_in(self, chunk: Chunk) -> Iterator[Message]:
        """Yield the messages of our topics in ``chunk``."""
        for kind, start, length in _records_in(chunk.data):
            if kind == _CHANNEL:
                self._topics |= _described_channel(chunk.data[start : start + length])
            elif kind == _MESSAGE and length >= _MESSAGE_HEAD.size:
                channel_id, number, log_ns, publish_ns = _MESSAGE_HEAD.unpack_from(chunk.data, start)
                topic = self._topics.get(channel_id)
                if topic is None:
                    self.foreign_messages += 1
                    continue
                first, end = start + _MESSAGE_HEAD.size, start + length
                payload = chunk.data[first:end]
                yield Message(topic, number, log_ns, publish_ns, chunk.start + first, end - first, payload)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks whose CRC is right."""
        if not self.has_magic:
            self.holes += 1
            self.bytes_skipped += min(len(MAGIC), self._source.size)
        end = self._source.size - (len(MAGIC) if self.closed else 0)
        position = self.trusted
        while position < end:
            kind, length = self._head_at(position)
            chunk = self.chunk_at(position) if kind == CHUNK else None
            if chunk is None and (kind == 0 or (kind == CHUNK and not self._is_compressed(position))):
                # What led here may itself have been wrong, so the search starts at the last thing known to be right.
                found = self._next_chunk(self.trusted)
                self._note_gap(position, found, end)
                if found is None:
                    return
                position, chunk = found, self.chunk_at(found)
                kind, length = self._head_at(found)
            position += _HEAD.size + length
            if chunk is not None:
                self.trusted = position
                yield chunk

    def _head_at(self, position: int) -> tuple[int, int]:
        """Return kind and length of the record at ``position``, kind 0 if that is no whole record."""
        head = self._source.read(position, _HEAD.size)
        if len(head) < _HEAD.size:
            return 0, 0
        kind, length = _HEAD.unpack(head)
        fits = length <= min(MAX_RECORD_BYTES, self._source.size - position - _HEAD.size)
        return (kind, length) if 0 < kind <= _LAST_KIND and fits else (0, 0)

    def chunk_at(self, position: int) -> Chunk | None:
        """Return the chunk whose record starts at ``position``, None if there is none or its CRC is wrong."""
        kind, length = self._head_at(position)
        body = self._source.read(position + _HEAD.size, length)
        first = _CHUNK_HEAD.size + _LENGTH.size
        if kind != CHUNK or len(body) != length or length < first:
            return None
        *_, size, crc, name_length = _CHUNK_HEAD.unpack_from(body)
        if name_length or not size == _LENGTH.unpack_from(body, _CHUNK_HEAD.size)[0] == length - first:
            return None
        data = body[first:]
        return Chunk(position + _HEAD.size + first, data) if zlib.crc32(data) == crc else None

    def _is_compressed(self, position: int) -> bool:
        head = self._source.read(position + _HEAD.size, _CHUNK_HEAD.size + _LONGEST_NAME)
        if len(head) < _CHUNK_HEAD.size:
            return False
        *_, length = _CHUNK_HEAD.unpack_from(head)
        name = head[_CHUNK_HEAD.size : _CHUNK_HEAD.size + length]
        if name in _COMPRESSIONS:
            self.compression = name.decode()
            return True
        return False

    def _next_chunk(self, position: int) -> int | None:
        while position < self._source.size:
            window = self._source.read(position, WINDOW_BYTES + _PATTERN_BYTES - 1)
            for match in _CHUNK_PATTERN.finditer(window):
                if self.chunk_at(position + match.start()) is not None:
                    return position + match.start()
            position += WINDOW_BYTES
        return None

    def _note_gap(self, position: int, found: int | None, end: int) -> None:
        self.bytes_skipped += max(0, (end if found is None else found) - position)
        # A recording that was cut ends in half a record, or in the zeros of a block that was never written.
        self.holes += found is not None or self.closed or not self._is_torn_tail(position)

    def _is_torn_tail(self, position: int) -> bool:
        written_end = self._end_of_data()
        head = self._source.read(position, _HEAD.size)
        if written_end - position < _HEAD.size or len(head) < _HEAD.size:
            return True
        kind, length = _HEAD.unpack(head)
        return bool(0 < kind <= _LAST_KIND and position + _HEAD.size + length >= written_end)

    def _end_of_data(self) -> int:
        """Return where the zeros begin that reach to the end of the file."""
        end = self._source.size
        while end > 0:
            start = max(0, end - WINDOW_BYTES)
            data = self._source.read(start, end - start).rstrip(b"\0")
            if data:
                return start + len(data)
            end = start
        return 0


def ends_with_summary(source: Source) -> bool:
    """Tell whether the file was closed: it ends with a summary whose CRC is right."""
    return _summary_of(source) is not None


def read_summary(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of the records in the file's summary; none if it was not closed."""
    summary = _summary_of(source) or b""
    for kind, start, length in _records_in(summary):
        yield kind, summary[start : start + length]


def _summary_of(source: Source) -> bytes | None:
    footer_start = source.size - len(MAGIC) - _FOOTER_BYTES
    tail = source.read(max(0, footer_start), _FOOTER_BYTES + len(MAGIC))
    footer = tail[:_FOOTER_BYTES]
    if footer_start < len(MAGIC) or tail[_FOOTER_BYTES:] != MAGIC or footer[: _HEAD.size] != _FOOTER_HEAD:
        return None
    start, _, crc = _FOOTER_BODY.unpack_from(footer, _HEAD.size)
    if not 0 < start <= footer_start or footer_start - start > MAX_RECORD_BYTES:
        return None
    summary = source.read(start, footer_start - start)
    return summary if zlib.crc32(summary + footer[:-_CRC_BYTES]) == crc else None


def _records_in(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start of content and length of the records in a chunk's content."""
    position = 0
    while position + _HEAD.size <= len(data):
        kind, length = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        if length > len(data) - position:
            return
        yield kind, position, length
        position += length


def _described_channel(body: bytes) -> dict[int, Topic | None]:
    if len(body) < _CHANNEL_HEAD.size:
        return {}
    channel_id, _, length = _CHANNEL_HEAD.unpack_from(body)
    name = body[_CHANNEL_HEAD.size : _CHANNEL_HEAD.size + length]
    return {channel_id: next((topic for topic in TOPICS if topic.name.encode() == name), None)}
