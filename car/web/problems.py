"""How the API says no: a sentence that tells what is wrong and what to do, in JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Problem(BaseModel):
    """What every answer of 400 and above holds."""

    error: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "This browser is not paired with the car."},
    403: {
        "model": Problem,
        "description": "Another page asks, the header X-Pocketpilot is missing, or the role does not do.",
    },
    404: {"model": Problem, "description": "There is nothing of that name."},
    409: {"model": Problem, "description": "The car cannot do that now."},
    413: {"model": Problem, "description": "The body is too large."},
    421: {"model": Problem, "description": "The name in the Host header is not the car's."},
    422: {"model": Problem, "description": "A value is missing or not allowed."},
}
"""What any request may be answered; for a router's ``responses``."""
