"""The video socket: the newest frame as a JPEG, one at a time.

The browser asks for each frame when it has painted the last, so that no queue can build up anywhere on the way. How
long it takes to ask decides how large and how good the next one is.
"""

from __future__ import annotations

import asyncio
import struct

import cv2
from fastapi import APIRouter, WebSocket
from pydantic import ValidationError

from car.drive_record import DriveRecord
from car.link.ring import RingReader
from car.web import messages
from car.web.context import WebContext, context_of
from car.web.sockets import TRY_LATER, RuleBroken, converse
from hardware.camera import Frame, Image
from hardware.clock import NS_PER_MS

HEADER = struct.Struct("<IIqff")
VERSION = 1
WAIT_S = 0.004
QUALITIES = (85, 75, 60, 45, 30)
SHRINKING = (1.0, 0.75, 0.5)
SLOW_MS, FAST_MS = 150.0, 60.0
MAX_VIEWERS = 8

router = APIRouter()
_viewers: set[WebSocket] = set()


class Grade:
    """How large and good the frames are for one browser: worse at once when it falls behind, better bit by bit."""

    GRADES = tuple((scale, quality) for scale in SHRINKING for quality in QUALITIES)
    PATIENCE = 20

    def __init__(self) -> None:
        self._number = 1
        self._good = 0

    @property
    def scale(self) -> float:
        """The share of the frame's width that is sent."""
        return self.GRADES[self._number][0]

    @property
    def quality(self) -> int:
        """The JPEG's quality."""
        return self.GRADES[self._number][1]

    def note(self, took_ms: float) -> None:
        """Take note of how long a frame took from here until the browser had painted it."""
        if took_ms > SLOW_MS:
            self._number, self._good = min(self._number + 1, len(self.GRADES) - 1), 0
        elif took_ms < FAST_MS:
            self._good += 1
            if self._good >= self.PATIENCE:
                self._number, self._good = max(self._number - 1, 0), 0


@router.websocket("/video")
async def video(socket: WebSocket) -> None:
    """Show a browser what the camera sees."""
    context = context_of(socket)
    await socket.accept()
    if len(_viewers) >= MAX_VIEWERS:
        await socket.close(TRY_LATER)
        return
    _viewers.add(socket)
    try:
        channel = VideoChannel(socket, context)
        await converse(socket, context.clock, channel.hear, channel.talk)
    finally:
        _viewers.discard(socket)


class VideoChannel:
    """One browser at the video socket."""

    def __init__(self, socket: WebSocket, context: WebContext) -> None:
        self._socket = socket
        self._context = context
        self._reader = RingReader(context.ring)
        self._grade = Grade()
        self._wish = asyncio.Event()
        self._width = 0
        self._sent_ns: int | None = None

    async def hear(self, text: str) -> None:
        """Take note that the browser is ready for the next frame; raises RuleBroken."""
        try:
            self._width = messages.NEXT_FRAME.validate_json(text).width
        except ValidationError:
            raise RuleBroken from None
        if self._sent_ns is not None:
            self._grade.note((self._context.clock.now_ns() - self._sent_ns) / NS_PER_MS)
            self._sent_ns = None
        self._wish.set()

    async def talk(self) -> None:
        """Send a frame whenever the browser is ready and there is a new one."""
        while True:
            await self._wish.wait()
            record, frame = await self._next_frame()
            self._wish.clear()
            data = await asyncio.to_thread(self._packed, record, frame)
            self._sent_ns = self._context.clock.now_ns()
            await self._socket.send_bytes(data)

    def _packed(self, record: DriveRecord, frame: Frame) -> bytes:
        picture = self._context.eye(record, frame)
        width = round(min(self._width, picture.shape[1]) * self._grade.scale)
        return packed(record, picture, width, self._grade.quality)

    async def _next_frame(self) -> tuple[DriveRecord, Frame]:
        while (cycle := self._reader.newest()) is None or cycle.frame is None:
            await asyncio.sleep(WAIT_S)
        return cycle.record, cycle.frame


def packed(record: DriveRecord, picture: Image, width: int, quality: int) -> bytes:
    """Return the message for a picture, at most ``width`` pixels wide."""
    header = HEADER.pack(
        VERSION, record.frame_number % 2**32, record.captured_ns, record.applied.steering, record.applied.throttle
    )
    return header + jpeg(picture, width, quality)


def jpeg(image: Image, width: int, quality: int) -> bytes:
    """Return ``image``, RGB uint8, as a JPEG that is at most ``width`` pixels wide."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if width < image.shape[1]:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        bgr = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()
