"""Letting a browser in: it posts the one-time code of ``car pair`` and gets a cookie."""

from __future__ import annotations

from collections import deque
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from car.pairing.store import MAX_NAME
from car.web.access import COOKIE, Access, refuse, token_of
from hardware.clock import NS_PER_S, Clock

COOKIE_AGE_S = 365 * 24 * 3600
ATTEMPTS, ALL_ATTEMPTS, ATTEMPTS_WINDOW_NS = 10, 1000, 60 * NS_PER_S
"""For one address and for all of them: few enough for 78 bits, and nobody uses up those of the car's owner."""
MAX_CODE = 64

router = APIRouter(tags=["pairing"])


class PairRequest(BaseModel):
    """The code that ``car pair`` has printed, and what the browser or laptop calls itself in the car's list."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=MAX_CODE)]
    name: Annotated[str, Field(max_length=MAX_NAME)] = ""


class Attempts:
    """Counts attempts to pair by the address that makes them: codes are long and few, so nobody needs many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: deque[tuple[int, str]] = deque()

    def is_allowed(self, address: str) -> bool:
        """Take note of an attempt from ``address``; tell whether it may be made."""
        now_ns = self._clock.now_ns()
        while self._made and now_ns - self._made[0][0] > ATTEMPTS_WINDOW_NS:
            self._made.popleft()
        if len(self._made) >= ALL_ATTEMPTS or sum(who == address for _, who in self._made) >= ATTEMPTS:
            return False
        self._made.append((now_ns, address))
        return True


@router.post("/pair", status_code=204, responses={403: {}, 429: {}})
def pair(request: Request, body: PairRequest) -> Response:
    """Let this browser in if the code is the right one; it is spent by that."""
    access: Access = request.app.state.access
    if not request.app.state.attempts.is_allowed(request.client.host if request.client else ""):
        return refuse(
            429, "Too many codes were tried. Wait a minute, then run `car pair` again.", {"Retry-After": "60"}
        )
    token = access.store.redeem(body.code, body.name)
    if token is None:
        return refuse(403, "This code is wrong, used or too old. Run `car pair` on the car for a new one.")
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE, token, max_age=COOKIE_AGE_S, httponly=True, samesite="strict", secure=access.tls, path="/"
    )
    return response


@router.post("/forget", status_code=204)
def forget(request: Request) -> Response:
    """Revoke this browser's pairing."""
    access: Access = request.app.state.access
    if token := token_of(request.scope):
        access.store.forget(token)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=access.tls)
    return response
