"""What every section of ``car.toml`` is built on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: unknown keys are refused, and it does not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
