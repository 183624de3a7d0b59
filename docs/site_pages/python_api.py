"""What a program of the user's own may import, from the docstrings, by Sphinx's autodoc."""

from __future__ import annotations

PARTS = {
    "Parts of your own": ("car.kinds",),
    "The gate": ("car.gate",),
    "Sessions": ("car.sessions.reader", "car.sessions.writer", "car.sessions.format"),
    "Models": ("models.contract", "models.loader", "car.pilots.tflite_pilot"),
    "Drives without real time": ("car.runs.simulation", "car.runs.replay"),
    "The simulator": ("simulator.scenario", "simulator.gym_env", "simulator.track_file"),
    "Errors": ("car.errors", "hardware.errors", "models.errors"),
}
"""The modules that the pages name or whose classes a user constructs."""


def render() -> str:
    """Return a heading for each part and, below it, what its modules have."""
    parts = []
    for title, modules in PARTS.items():
        parts.append(f"## {title}\n")
        for module in modules:
            # What car.kinds hands on has its own module too, and only one of the two may be where links lead.
            options = [":members:", *([":imported-members:", ":no-index:"] if module == "car.kinds" else [])]
            directive = "\n".join([f".. automodule:: {module}", *(f"   {option}" for option in options)])
            parts.append(f"### `{module}`\n\n```{{eval-rst}}\n{directive}\n```\n")
    return "\n".join(parts)
