"""Donkey's simulator as its clients know it: a TCP server with a menu of scenes, a car for each of them."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import partial
from typing import Any

from hardware.camera import CameraGeometry
from hardware.errors import TrackError
from simulator.donkey.car import RATE_HZ, DonkeyCar, Draw
from simulator.donkey.messages import Garbled, MessageStream, line_of, number
from simulator.donkey.scenes import scene_names, track_of
from simulator.renderer import Scene, draw_scene
from simulator.track import Track
from simulator.track_file import open_track

LOOPBACK = "127.0.0.1"
MAX_CLIENTS = 16
PIECE_BYTES = 65_536
SCENES_KEPT = 4
DEAF_S = 30.0
"""A client that has read nothing for so long is gone."""
KEEP_ALIVE_S = 0.25
"""Clients of lock-step drop a command now and then, and wait for ever where nobody speaks first."""

Tell = Callable[[str], None]


class DonkeyServer:
    """Serves Donkey's protocol on loopback; ``tell`` hears in a sentence who comes and goes, and why.

    >>> from contextlib import suppress
    >>> async def serve_for(seconds: float) -> int:
    ...     server = DonkeyServer(CameraGeometry(), port=0)      # 0 is any port that is free
    ...     await server.start()
    ...     with suppress(TimeoutError):
    ...         await asyncio.wait_for(server.serve(), seconds)
    ...     return server.port
    >>> asyncio.run(serve_for(0.05)) > 0
    True

    Clients choose a scene from the menu; with ``track`` they are on it at once. With ``lock_step`` a car moves by a
    twentieth of a second for each ``control`` message, as fast as its client likes; otherwise in real time.
    """

    def __init__(
        self,
        camera: CameraGeometry,
        port: int,
        track: str | None = None,
        *,
        lock_step: bool = False,
        tell: Tell = lambda _: None,
    ) -> None:
        self.port = port
        self._camera = camera
        self._track = track
        self._lock_step = lock_step
        self._tell = tell
        self._scenes = SceneCache()
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._meet, LOOPBACK, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def serve(self) -> None:
        """Serve until cancelled."""
        if self._server is not None:
            async with self._server:
                await self._server.serve_forever()

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        name = f"{host}:{port}"
        if len(self._clients) >= MAX_CLIENTS:
            self._tell(f"{name} was turned away: {MAX_CLIENTS} clients are here already.")
            writer.close()
            return
        client = _Client(name, writer, self._camera, self._scenes.draw, lock_step=self._lock_step, tell=self._tell)
        serving = asyncio.get_running_loop().create_task(client.run(reader, self._track))
        self._clients.add(serving)
        serving.add_done_callback(self._clients.discard)


class SceneCache:
    """The scenes that were drawn last, for all clients; one is drawn at a time, which takes memory while it lasts.

    >>> scenes = SceneCache()
    >>> scenes.draw(open_track("oval"), CameraGeometry()) is scenes.draw(open_track("oval"), CameraGeometry())
    True
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._scenes: OrderedDict[Hashable, Scene] = OrderedDict()

    def draw(self, track: Track, camera: CameraGeometry) -> Scene:
        """Return what ``draw_scene`` does; raises what it raises."""
        key = (track.points_m.tobytes(), track.style, track.half_width_m, camera)
        with self._turn:
            scene = self._scenes.pop(key, None) or draw_scene(track, camera)
            self._scenes[key] = scene
            while len(self._scenes) > SCENES_KEPT:
                self._scenes.popitem(last=False)
        return scene


class _Left(Exception):
    """A client has said good-bye, or has to go; in words, why."""


class _Client:
    """One client, its car and what it has asked for."""

    def __init__(
        self,
        name: str,
        writer: asyncio.StreamWriter,
        camera: CameraGeometry,
        draw: Draw,
        *,
        lock_step: bool,
        tell: Tell,
    ) -> None:
        self._name = name
        self._writer = writer
        self._camera = camera
        self._draw = draw
        self._tell = tell
        self._lock_step = lock_step
        self._car: DonkeyCar | None = None
        self._is_changing = False
        self._told: bytes = b""
        self._spoke_s = self._heard_s = asyncio.get_running_loop().time()
        self._waiting = 0

    async def run(self, reader: asyncio.StreamReader, track: str | None) -> None:
        """Serve the client until it has gone."""
        self._tell(f"{self._name} has come.")
        try:
            if track is None:
                self._say({"msg_type": "scene_selection_ready", "loaded": "1"})
            else:
                await self._load(track)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_telling())
                tasks.create_task(self._listen(reader))
        except* (_Left, Garbled, TrackError, OSError, ValueError) as group:
            self._tell(f"{self._name} has gone: {group.exceptions[0]}")
        finally:
            self._writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        stream = MessageStream()
        while data := await reader.read(PIECE_BYTES):
            for message in stream.feed(data):
                await self._obey(message)
        raise _Left("it closed the connection.")

    async def _obey(self, message: Mapping[str, Any]) -> None:
        kind = str(message.get("msg_type", ""))
        acts: dict[str, Callable[[], Awaitable[None] | None]] = {
            "get_protocol_version": lambda: self._say({"msg_type": "protocol_version", "version": "2"}),
            "get_scene_names": lambda: self._say({"msg_type": "scene_names", "scene_names": scene_names()}),
            "load_scene": lambda: self._load(track_of(str(message.get("scene_name", "")))),
            "regen_road": lambda: self._load(f"random-{int(abs(number(message, 'rand_seed'))) % 10**9}"),
            "exit_scene": self._leave_scene,
            "quit_app": self._quit,
            "step_mode": lambda: self._step_by(message),
            "settings": lambda: self._step_by(message),
        }
        if (act := acts.get(kind)) is not None:
            if (doing := act()) is not None:
                await doing
        elif self._car is not None:
            await self._drive(self._car, kind, message)

    async def _drive(self, car: DonkeyCar, kind: str, message: Mapping[str, Any]) -> None:
        match kind:
            case "control":
                car.control(message)
                if self._lock_step:
                    await self._tick_in_turn(car)
            case "reset_car":
                car.reset()
                self._remember(car)
            case "set_position":
                car.place(message)
                self._remember(car)
            case "node_position":
                self._say(car.node(message))
            case "cam_config":
                await self._look(car, partial(car.look_by, message))
            case "cam_config_b":
                await self._look(car, partial(car.look_by_second, message))
            case "lidar_config":
                car.have_lidar()

    async def _look(self, car: DonkeyCar, look: Callable[[], None]) -> None:
        try:
            await self._elsewhere(look)
            self._remember(car)
        except ValueError as problem:
            self._tell(f"{self._name} keeps its camera: {problem}")

    async def _elsewhere(self, change: Callable[[], None]) -> None:
        """Draw a world or a view in a thread; the car stands still meanwhile, and the others drive on."""
        self._is_changing = True
        try:
            await asyncio.to_thread(change)
        finally:
            self._is_changing = False

    async def _load(self, name: str) -> None:
        await self._elsewhere(lambda: self._enter(open_track(name)))
        self._tell(f"{self._name} drives on {name}.")
        self._say({"msg_type": "car_loaded"})

    def _enter(self, track: Track) -> None:
        if self._car is None:
            self._car = DonkeyCar(track, self._camera, self._draw)
        else:
            self._car.load(track)
        self._remember(self._car)

    def _leave_scene(self) -> None:
        self._car, self._told = None, b""
        self._say({"msg_type": "scene_selection_ready", "loaded": "1"})

    def _quit(self) -> None:
        raise _Left("it quit.")

    def _step_by(self, message: Mapping[str, Any]) -> None:
        if "step_mode" in message:
            self._lock_step = str(message["step_mode"]).lower() == "synchronous"

    async def _keep_telling(self) -> None:
        """Tell of the car 20 times a second in real time, and again what was told last where lock-step is silent."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s = max(due_s + 1.0 / RATE_HZ, loop.time() - 1.0 / RATE_HZ)
            await asyncio.sleep(due_s - loop.time())
            if self._car is None or self._is_changing:
                continue
            if not self._lock_step:
                self._tick(self._car)
            elif self._told and loop.time() - self._spoke_s > KEEP_ALIVE_S and not self._is_behind():
                self._send(self._told)

    async def _tick_in_turn(self, car: DonkeyCar) -> None:
        """Answer a command in lock-step, no faster than the client reads, and let the others have their turn."""
        self._tick(car)
        await self._writer.drain()
        await asyncio.sleep(0)

    def _tick(self, car: DonkeyCar) -> None:
        *events, telemetry = map(line_of, car.tick())
        for event in events:
            self._send(event)
        self._told = telemetry
        if self._lock_step or not self._is_behind():
            self._send(telemetry)

    def _remember(self, car: DonkeyCar) -> None:
        """Keep how the car is after it was carried away, for whoever is told again before it drives on."""
        self._told = line_of(car.telemetry())

    def _say(self, message: Mapping[str, Any]) -> None:
        self._send(line_of(message))

    def _is_behind(self) -> bool:
        """Tell whether the client has not read what it was told before; show out one that reads nothing."""
        now_s, waiting = asyncio.get_running_loop().time(), self._writer.transport.get_write_buffer_size()
        if waiting == 0 or waiting < self._waiting:
            self._heard_s = now_s
        self._waiting = waiting
        if now_s - self._heard_s > DEAF_S:
            raise _Left(f"it has read nothing for {DEAF_S:.0f} s.")
        return waiting > 0

    def _send(self, line: bytes) -> None:
        if self._writer.transport.is_closing():
            raise _Left("it closed the connection.")
        self._is_behind()
        self._writer.write(line)
        self._waiting = self._writer.transport.get_write_buffer_size()
        self._spoke_s = asyncio.get_running_loop().time()
