"""A program that serves the pages and prints which modules a browser's first visit imports; it is given a folder."""

import encodings.idna  # noqa: F401 - what this program itself finds the address with
import http.client
import sys
import threading
from pathlib import Path

from tests.car.web.serving import serving
from tests.system.browser import open_socket
from tests.system.car_process import wait_for

if __name__ == "__main__":
    is_alive = threading.Event()
    with serving(Path(sys.argv[1]), beat=is_alive.set) as served:
        wait_for(is_alive.is_set, "a sign of life")
        before = set(sys.modules)
        for path in ("/", "/static/drive.css", "/api/status"):
            connection = http.client.HTTPConnection("127.0.0.1", served.port)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200, (path, answer.status)
            answer.read()
        for path in ("/api/drive", "/api/video"):
            with open_socket(served.port, path) as socket:
                socket.ping().wait(10.0)
        sys.stdout.write(" ".join(sorted(set(sys.modules) - before)))
