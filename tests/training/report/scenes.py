"""Drives through a scene that turns as the car is steered: a strip of wall and floor all around, seen part by part."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S
from training.dataset import Recording

WIDTH, HEIGHT = 64, 48
RATE_HZ = 10.0
LAG_FRAMES = 2
PX_PER_FRAME = 4.0
"""At full lock the scene moves so far from one frame to the next."""

NOISES = 37
"""So many patterns of noise follow each other."""

Images = NDArray[np.uint8]


def drive(seconds: float = 120.0, seed: int = 0, lag_frames: int = LAG_FRAMES, bias: float = 0.0) -> Recording:
    """Return a drive of ``seconds`` through a brown room, whose scene answers the steering after ``lag_frames``."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE_HZ)
    steering = np.clip(_smooth(rng.normal(size=frames), 4.0) * 1.2 + bias, -1.0, 1.0)
    throttle = np.clip(0.3 + _smooth(rng.normal(size=frames), 10.0) * 0.2, 0.1, 0.5)
    labels = np.stack([steering, throttle], axis=1).astype(np.float32)
    answered = np.roll(steering, lag_frames)
    # Steered at a frame, the car has turned by the next one.
    heading_px = np.concatenate([[0.0], np.cumsum(answered)[:-1]]) * PX_PER_FRAME
    room, noise = _room(), rng.normal(scale=2.0, size=(NOISES, HEIGHT, WIDTH, 3)).astype(np.float32)
    images = np.stack([_view(room, at_px, noise[index % NOISES]) for index, at_px in enumerate(heading_px.tolist())])
    times_ns = np.round(np.arange(frames) * NS_PER_S / RATE_HZ).astype(np.int64)
    camera = CameraGeometry(width=WIDTH, height=HEIGHT)
    return Recording(f"drive-{seed}", f"{seed:064x}", camera, images, labels, times_ns, np.zeros(len(labels), np.uint8))


def mirrored(recording: Recording) -> Recording:
    """Return the drive with its images mirrored, left to right."""
    return replace(recording, images=np.ascontiguousarray(recording.images[:, :, ::-1]))


def negated(recording: Recording) -> Recording:
    """Return the drive with its steering negated."""
    return replace(recording, labels=recording.labels * np.array([-1, 1], np.float32))


def with_swapped_channels(recording: Recording) -> Recording:
    """Return the drive with red for blue and blue for red."""
    return replace(recording, images=np.ascontiguousarray(recording.images[..., ::-1]))


def relit(recording: Recording, gain: float, offset: float = 0.0) -> Recording:
    """Return the drive in another light."""
    images = np.clip(recording.images * np.float32(gain) + offset, 0, 255).astype(np.uint8)
    return replace(recording, images=images)


def labelled(recording: Recording, steering: float | None = None, throttle: float | None = None) -> Recording:
    """Return the drive with a label that never changes."""
    labels = recording.labels.copy()
    for column, value in enumerate((steering, throttle)):
        if value is not None:
            labels[:, column] = value
    return replace(recording, labels=labels)


def standing(recording: Recording, share: float) -> Recording:
    """Return the drive with a stop that takes ``share`` of it, in which nothing but the noise changes."""
    count = round(len(recording.images) * share)
    labels, images = recording.labels.copy(), recording.images.copy()
    labels[:count, 1] = 0.0
    noise = np.random.default_rng(1).integers(-2, 3, size=images[:count].shape)
    images[:count] = np.clip(images[0].astype(int) + noise, 0, 255)
    return replace(recording, labels=labels, images=images)


def _room() -> Images:
    """Return all that can be seen around the car: a wall in browns, and a grey floor."""
    rng, width = np.random.default_rng(1000), 720
    grain = sum(_blurred(rng.normal(size=(HEIGHT, width)), sigma) * sigma for sigma in (0.8, 2.0, 6.0))
    grey = 120 + 28 * grain / np.std(grain)
    image = np.stack([grey * 1.15, grey * 0.95, grey * 0.6], axis=2)
    image[HEIGHT // 2 :] = image[HEIGHT // 2 :].mean(axis=2, keepdims=True)
    return np.clip(image, 20, 240).astype(np.uint8)


def _view(room: Images, at_px: float, noise: NDArray[np.float32]) -> Images:
    columns = (at_px + np.arange(WIDTH, dtype=np.float32)) % (room.shape[1] - 1)
    rows = np.arange(HEIGHT, dtype=np.float32)
    xs, ys = np.meshgrid(columns.astype(np.float32), rows)
    view = cv2.remap(room, xs, ys, cv2.INTER_LINEAR).astype(np.float32)
    return np.asarray(np.clip(view + noise, 0, 255), np.uint8)


def _smooth(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    smooth = cv2.GaussianBlur(values.reshape(-1, 1), (1, 0), sigmaX=0.1, sigmaY=sigma).ravel()
    return np.asarray(smooth / smooth.std() * 0.4, np.float64)


def _blurred(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float64)
