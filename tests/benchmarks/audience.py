"""Who sits at the page while a car is measured, in a process of its own: ``python -m tests.benchmarks.audience PORT``.

Viewers look at the video and the state, and somebody downloads a session again and again, as fast as wifi has it. A
line says that they are there; at the end of the standard input they leave, and a last line says how many frames came.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time

import httpx
from websockets.exceptions import ConnectionClosed

from tests.system.browser import Browser, open_socket

VIEWERS = 2
SESSION = "large"
DOWNLOAD_BYTES, DOWNLOAD_PAUSE_S = 65_536, 0.03
NICENESS = 19
"""Real viewers have a processor of their own."""


def main(port: int) -> None:
    """Be the audience of the page on ``port``."""
    os.nice(NICENESS)
    ended, frames = threading.Event(), [0] * VIEWERS
    jobs = [threading.Thread(target=_view, args=(port, ended, frames, viewer)) for viewer in range(VIEWERS)]
    jobs.append(threading.Thread(target=_download, args=(port, ended)))
    with contextlib.ExitStack() as stack:
        for _ in range(VIEWERS):
            stack.enter_context(Browser(port)).samples = False
        for job in jobs:
            job.start()
        print("there", flush=True)
        sys.stdin.read()
        ended.set()
        for job in jobs:
            job.join()
    print(sum(frames), flush=True)


def _view(port: int, ended: threading.Event, frames: list[int], viewer: int) -> None:
    # When the drive is over no frame comes any more, and then the car's page is gone.
    with contextlib.suppress(TimeoutError, ConnectionClosed), open_socket(port, "/api/video") as socket:
        while not ended.is_set():
            socket.send(json.dumps({"type": "next", "width": 640}))
            socket.recv(timeout=1)
            frames[viewer] += 1


def _download(port: int, ended: threading.Event) -> None:
    address = f"http://127.0.0.1:{port}/api/sessions/{SESSION}/download"
    while not ended.is_set():
        with httpx.stream("GET", address) as answer:
            answer.raise_for_status()
            for _ in answer.iter_bytes(DOWNLOAD_BYTES):
                if ended.is_set():
                    return
                time.sleep(DOWNLOAD_PAUSE_S)


if __name__ == "__main__":
    main(int(sys.argv[1]))
