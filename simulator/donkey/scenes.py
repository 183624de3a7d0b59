"""The Donkey simulator's scenes, each with a track of ours in its place."""

from __future__ import annotations

from hardware.errors import TrackError
from simulator.track import track_names
from simulator.track_file import is_file_name

SCENES = {
    "generated_road": "random-1",
    "warehouse": "warehouse",
    "sparkfun_avc": "bean",
    "generated_track": "oval",
    "mountain_track": "random-5",
    "roboracingleague_1": "boot",
    "waveshare": "peanut",
    "mini_monaco": "chicane",
    "warren": "random-7",
    "circuit_launch": "random-2",
    "thunderhill": "random-9",
}
"""All stock scenes: a client that does not find its own waits for ever."""


def scene_names() -> list[str]:
    """Return the names that a client may load; ``random-<seed>`` is one too."""
    return list(dict.fromkeys((*SCENES, *track_names())))


def track_of(scene: str) -> str:
    """Return the name of the track that stands for ``scene``; raises TrackError for one that would be a file."""
    name = SCENES.get(scene, scene)
    if is_file_name(name):
        # A client says which scene, and not which of this machine's files.
        raise TrackError(f"There is no scene {scene!r}. Start the server with --track to drive on a file.")
    return name
