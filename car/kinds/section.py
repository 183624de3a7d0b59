"""What every section of ``car.toml`` is built on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section: unknown keys and values of another type are refused, and it does not change once read.

    >>> class ServoSection(Section):
    ...     pin: int
    >>> ServoSection.model_validate({"pin": 12}).pin
    12

    A number in quotes is no number: ``car neutral``, which reads the file without this, would not know it for one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
