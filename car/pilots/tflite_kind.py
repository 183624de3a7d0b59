"""The kind of pilot that is a trained model."""

from __future__ import annotations

from pathlib import Path

from car.kinds.pilot import Pilot, PilotKind, PilotSection
from car.pilots.find import find_model
from hardware.camera import CameraGeometry


class TfliteKind(PilotKind[PilotSection]):
    """A ``.tflite`` file, the car's own or one that ships."""

    section = PilotSection

    def open(self, section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
        """Load the model; raises ModelError when it is none, or takes frames of another size."""
        # Only here: a configuration is read in places that have no use for NumPy and a TFLite runtime.
        from car.pilots.loading import open_pilot

        pilot, warnings = open_pilot(find_model(section.model, car_dir), camera)
        pilot.warnings = warnings
        return pilot

    def anchored(self, section: PilotSection, car_dir: Path) -> PilotSection:
        """Return the section with the model's whole path; raises ModelError when there is none of that name."""
        return section.model_copy(update={"model": str(find_model(section.model, car_dir).resolve())})
