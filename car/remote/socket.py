"""One of a car's WebSockets, opened by a laptop's key on a connection of its own."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Origin

from car.errors import RemoteError
from car.remote.client import COOKIE, UNAUTHORIZED, another_certificate, explained, normal, not_let_in, unpinned_context
from car.remote.keys import Key

MAX_BYTES = 1_000_000
"""What one message may have; a frame at its largest has less."""
FORBIDDEN = 403


async def open_socket(key: Key, *path: str, patience_s: float) -> ClientConnection:
    """Open the car's socket at ``path`` of its API; raises RemoteError. The caller closes it.

    As with a ``CarClient``, nothing is sent to a car with another certificate.
    """
    place = key.place

    class Pinned(ClientConnection):
        async def handshake(self, *arguments: Any, **options: Any) -> None:
            """Compare the certificate before the key is sent."""
            encrypted = self.transport.get_extra_info("ssl_object")
            seen = hashlib.sha256(encrypted.getpeercert(binary_form=True) or b"").hexdigest()
            if normal(seen) != normal(key.fingerprint):
                raise another_certificate(place)
            await super().handshake(*arguments, **options)

    headers: Mapping[str, str] = {"Cookie": f"{COOKIE}={key.token}"}
    try:
        return await connect(
            f"wss://{place}/api/{'/'.join(path)}",
            ssl=unpinned_context(),
            origin=Origin(f"https://{place}"),
            additional_headers=headers,
            create_connection=Pinned,
            compression=None,
            proxy=None,
            max_size=MAX_BYTES,
            open_timeout=patience_s,
            close_timeout=patience_s,
            ping_interval=None,
        )
    except RemoteError:
        raise
    except InvalidStatus as error:
        if error.response.status_code in {UNAUTHORIZED, FORBIDDEN}:
            raise not_let_in(place) from error
        raise RemoteError(f"{place} refuses with status {error.response.status_code}. Restart the car.") from error
    except InvalidHandshake as error:
        raise RemoteError(f"{place} speaks no WebSocket. Is it a Pocketpilot car?") from error
    except (OSError, ssl.SSLError) as error:
        raise explained(place, error, patience_s) from error
