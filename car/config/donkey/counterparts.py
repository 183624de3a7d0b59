"""What each setting of a Donkey Car is in ``car.toml``."""

from __future__ import annotations

from car.config.donkey.drivetrain import translate_drivetrain
from car.config.donkey.settings import Settings
from car.config.donkey.translation import Table, Translation
from car.gate import Limits

CAMERAS = {"PICAM": "picamera", "WEBCAM": "usb", "CVCAM": "usb", "V4L": "usb", "MOCK": "simulated"}
DEFAULT_CAMERA = "PICAM"
SIZES = {"IMAGE_W": "width", "IMAGE_H": "height"}
RATES = ("DRIVE_LOOP_HZ", "CAMERA_FRAMERATE")
"""A loop here takes every frame once, so that both are one rate; the first that is set counts."""


def translate(settings: Settings) -> Translation:
    """Return what becomes of a Donkey Car's settings."""
    translation = Translation(settings)
    if translation.value("DONKEY_GYM", bool):
        translation.remarks.append("DONKEY_GYM is on: car.toml has a simulated car. Choose its track in [simulator].")
    else:
        translate_drivetrain(translation)
        _translate_camera(translation)
    _translate_picture(translation)
    _translate_limits(translation)
    _tell_of_models(translation)
    return translation


def _translate_camera(translation: Translation) -> None:
    name = translation.value("CAMERA_TYPE", str) or DEFAULT_CAMERA
    kind = CAMERAS.get(name)
    if kind is None:
        translation.remarks.append(
            f"There is no camera {name!r:.40} here: car.toml has the simulated one. Choose the kind in [camera]."
        )
        return
    translation.take(Table(translation, "").words("CAMERA_TYPE", name), "camera", "kind", kind)
    if kind == "usb" and (number := translation.value("CAMERA_INDEX", int)):
        translation.take(f"CAMERA_INDEX = {number}", "camera", "device", f"/dev/video{number}")


def _translate_picture(translation: Translation) -> None:
    for name, key in SIZES.items():
        if (size := translation.value(name, int)) is not None:
            translation.take(f"{name} = {size}", "camera", key, size)
    rates = {name: rate for name in RATES if (rate := translation.value(name, float)) is not None}
    for name in list(rates)[:1]:
        translation.take(f"{name} = {rates[name]:g}", "camera", "rate_hz", float(rates[name]))
    vertical, horizontal = (translation.value(name, bool) for name in ("CAMERA_VFLIP", "CAMERA_HFLIP"))
    if vertical and horizontal:
        translation.take("CAMERA_VFLIP and CAMERA_HFLIP", "camera", "rotation", 180)
    elif vertical:
        translation.take("CAMERA_VFLIP = True", "camera", "flip", "vertical")
    elif horizontal:
        translation.take("CAMERA_HFLIP = True", "camera", "flip", "horizontal")
    if translation.value("IMAGE_DEPTH", int) not in {None, 3}:
        translation.remarks.append("IMAGE_DEPTH is not 3, and frames are in colour here: train a pilot on such frames.")


def _translate_limits(translation: Translation) -> None:
    if (port := translation.value("WEB_CONTROL_PORT", int)) is not None:
        translation.take(f"WEB_CONTROL_PORT = {port}", "web", "port", port)
    if (most := translation.value("JOYSTICK_MAX_THROTTLE", float)) is not None:
        translation.take(f"JOYSTICK_MAX_THROTTLE = {most:g}", "gamepad", "throttle_limit", float(most))
    if (factor := translation.value("AI_THROTTLE_MULT", float)) is not None:
        # A factor there, a cap here; only somebody who has seen the car drive ought to raise it.
        cap = min(float(factor), Limits().autopilot_throttle_cap)
        translation.take(f"AI_THROTTLE_MULT = {factor:g}", "gate", "autopilot_throttle_cap", cap)
        translation.remarks.append(
            "autopilot_throttle_cap is where a pilot's throttle ends, and does not scale it as AI_THROTTLE_MULT did. "
            "Raise it when you have seen the car drive."
        )


def _tell_of_models(translation: Translation) -> None:
    throttle_range = translation.value("MODEL_CATEGORICAL_MAX_THROTTLE_RANGE", float)
    if throttle_range is not None:
        translation.remarks.append(
            f"Import each categorical pilot with: car models import FILE --throttle-range {throttle_range:g}"
        )
    for name in ("TRANSFORMATIONS", "POST_TRANSFORMATIONS"):
        if translation.settings.values.get(name):
            translation.used.add(name)
            translation.remarks.append(
                f"{name} is not empty, and frames stay whole here: pilots that learned from such frames drive badly. "
                "Import the tubs and train with `car train`."
            )
