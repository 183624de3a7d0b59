"""Strangers who ask the car for a page as fast as they can, in a process of their own; none of them is let in.

``python -m tests.system.strangers PORT COUNT SECONDS``
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from tests.system.car_process import PATIENCE_S

PIECE_BYTES = 65_536


@contextlib.contextmanager
def greedy_strangers(port: int, count: int, seconds: float) -> Iterator[None]:
    """Have ``count`` strangers ask for ``seconds``; at the end of the ``with`` block all have been answered."""
    command = [sys.executable, "-m", __name__, str(port), str(count), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield
        output, _ = process.communicate(timeout=PATIENCE_S)
    assert int(output) > count, "the car answered no stranger"


def _ask(port: int, until_s: float) -> int:
    """Ask on one connection after the other; return how many answers came."""
    # By a name that a router gives, even this machine is a stranger until it is paired.
    request = f"GET /api/status HTTP/1.1\r\nHost: {socket.gethostname()}.lan:{port}\r\n\r\n".encode()
    answers = 0
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            while time.monotonic() < until_s:
                connection.sendall(request)
                if b" 401 " not in connection.recv(PIECE_BYTES):
                    break
                answers += 1
    return answers


def main(port: int, count: int, seconds: float) -> None:
    """Print how many answers they got."""
    answers: list[int] = []
    until_s = time.monotonic() + seconds
    threads = [threading.Thread(target=lambda: answers.append(_ask(port, until_s))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(answers))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
