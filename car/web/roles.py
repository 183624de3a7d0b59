"""Which role it takes to ask for what: every request, and every message of the drive socket.

What is not listed here is the owner's alone. A request that fits several lines takes the highest role among them.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.routing import compile_path

from car.gate import Mode
from car.pairing.roles import Role
from car.web import messages

WATCH, DRIVE, OWN = Role.WATCH, Role.DRIVE, Role.OWN
REQUESTS: Mapping[str, Role] = {
    "GET /": WATCH,
    "GET /pair": WATCH,
    "GET /people": OWN,
    "GET /sessions": OWN,
    "GET /models": OWN,
    "GET /tracks": OWN,
    "GET /calibrate": OWN,
    "GET /doctor": OWN,
    "GET /static/{path:path}": WATCH,
    "GET /api/openapi.json": WATCH,
    "GET /api/status": WATCH,
    "GET /api/track": WATCH,
    "POST /api/pair": WATCH,
    "POST /api/forget": WATCH,
    "GET /api/people": OWN,
    "POST /api/people": OWN,
    "DELETE /api/people/{number}": OWN,
    "GET /api/models": DRIVE,
    "POST /api/models": OWN,
    "POST /api/models/versions": OWN,
    "POST /api/models/previous": DRIVE,
    "POST /api/models/{name}/activate": DRIVE,
    "POST /api/models/{name}/rename": OWN,
    "POST /api/models/{name}/restore": OWN,
    "DELETE /api/models/{name}": OWN,
    "GET /api/pilot": DRIVE,
    "GET /api/pilot/picture": DRIVE,
    "GET /api/sessions": OWN,
    "GET /api/sessions/{name}": OWN,
    "GET /api/sessions/{name}/timeline": OWN,
    "GET /api/sessions/{name}/telemetry": OWN,
    "GET /api/sessions/{name}/thumbnail.jpg": OWN,
    "GET /api/sessions/{name}/frames/{index}.jpg": OWN,
    "GET /api/sessions/{name}/records": OWN,
    "GET /api/sessions/{name}/download": OWN,
    "POST /api/sessions/{name}/cuts": OWN,
    "POST /api/sessions/{name}/restore": OWN,
    "POST /api/sessions/import": OWN,
    "DELETE /api/sessions/{name}": OWN,
    "DELETE /api/sessions/{name}/cuts/last": OWN,
    "GET /api/trash": OWN,
    "DELETE /api/trash": OWN,
    "GET /api/originals": OWN,
    "GET /api/originals/{name}/{number}": OWN,
    "GET /api/originals/{name}/{number}/digest": OWN,
    "POST /api/originals/{name}/cuts": OWN,
    "GET /api/training": OWN,
    "POST /api/training": OWN,
    "DELETE /api/training": OWN,
    "GET /api/tracks": OWN,
    "GET /api/tracks/{name}": OWN,
    "POST /api/tracks": OWN,
    "POST /api/tracks/check": OWN,
    "GET /api/calibration": OWN,
    "POST /api/calibration": OWN,
    "GET /api/doctor": OWN,
}
"""Method and path of every request, in OpenAPI's words, and the least role that may send it."""
SOCKETS: Mapping[str, Role] = {"/api/drive": WATCH, "/api/video": WATCH}
"""The same for the sockets."""
MESSAGES: Mapping[str, Role] = {
    "stop": WATCH,
    "pong": WATCH,
    "sample": DRIVE,
    "arm": DRIVE,
    "mode": DRIVE,
    "disarm": DRIVE,
    "take_over": DRIVE,
    "let_go": DRIVE,
    "record": DRIVE,
    "erase": DRIVE,
    "lap": DRIVE,
    "enter_track": DRIVE,
    "try_output": OWN,
}
"""What is said on the drive socket, by its type; to arm for a calibration, or change to it, is the owner's alone."""
TOO_LITTLE = "That takes the role `{needed}`, and yours is `{role}`. Ask the car's owner for a code with it."

_PATTERNS = [(*line.split(" "), role) for line, role in REQUESTS.items()]
_COMPILED = [(method, compile_path(path)[0], role) for method, path, role in _PATTERNS]


def role_for_request(method: str, path: str) -> Role:
    """Return the least role that may send a request.

    >>> role_for_request("GET", "/api/status"), role_for_request("PUT", "/api/anything/else")
    (<Role.WATCH: 'watch'>, <Role.OWN: 'own'>)
    """
    asked = "GET" if method == "HEAD" else method
    fitting = [role for known, pattern, role in _COMPILED if known == asked and pattern.match(path)]
    return next((role for role in reversed(Role) if role in fitting), Role.OWN)


def role_for_message(message: messages.DriveMessage) -> Role:
    """Return the least role that may say ``message``."""
    if isinstance(message, messages.Arm | messages.ChangeMode) and message.mode is Mode.CALIBRATION:
        return Role.OWN
    return MESSAGES.get(message.type, Role.OWN)
