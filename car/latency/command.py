"""``car latency``: measure it, with the wheels at neutral throughout."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from car.assembly.devices import make_world, neutral_outputs, open_camera
from car.assembly.ownership import owning
from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.errors import ConfigError, LatencyError
from car.kinds.ours import CAMERAS
from car.latency.figures import Latency, Spread, advise, camera_delay_ms, light_to_pulse_ms, seen_ms
from car.latency.measurement import Blinking
from hardware.camera import Camera
from hardware.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock, VirtualClock
from hardware.led import GpioLed, Led
from hardware.neutral import write_neutral
from simulator.led import CameraWithLed, SimulatedLed
from simulator.scenario import Scenario

Opened = tuple[Camera, Led, Clock]


def measure_latency(
    folder: CarFolder,
    gpio: int,
    blinks: int,
    progress: Callable[[float], None] = lambda _done: None,
    open_led: Callable[[int], Led] | None = None,
) -> Latency:
    """Return the latency of the car in ``folder``, whose LED is on ``gpio``; a simulated camera has its own LED.

    No drivetrain is opened: its outputs are put to neutral, and nothing else may write to them meanwhile. Raises
    CarInUse when another program has the car, ConfigError when the pin is another device's, LatencyError when the LED
    is not seen, HardwareError when a device is not there.
    """
    config = folder.config
    _must_be_free(config, gpio)
    outputs = neutral_outputs(config)
    with owning(folder.path, [*outputs, {"kind": "led", "gpio": gpio}], "car latency"):
        if problems := write_neutral(outputs):
            raise LatencyError(f"The wheels cannot be put to neutral: {problems[0]} Run `car neutral`.")
        with _open(config, gpio, open_led or _open_led) as (camera, led, clock):
            found = Blinking(camera, led, clock, gpio).measure(blinks, progress)
    rate_hz, pulse_hz, times_ms = NS_PER_S / found.period_ns, _pulse_hz(config), seen_ms(found)
    delay_ms, stamps = camera_delay_ms(found.changes), Spread.of([age / NS_PER_MS for age in found.age_ns])
    return Latency(
        car=config.car.name,
        camera=config.camera.model or config.camera.kind,
        width=config.camera.width,
        height=config.camera.height,
        rate_hz=round(rate_hz, 1),
        changes=len(found.changes),
        missed=found.missed,
        camera_delay_ms=delay_ms,
        by_stamps=stamps,
        light_to_frame=Spread.of(times_ms),
        pulse_hz=round(pulse_hz, 1),
        light_to_pulse=Spread.of(light_to_pulse_ms(times_ms, pulse_hz)),
        light_to_frame_ms=times_ms,
        advice=advise(rate_hz, delay_ms, stamps.median_ms, pulse_hz, has_servo=config.drivetrain.kind == "servo_esc"),
        simulated=CAMERAS.find(config.camera.kind).is_simulated,
    )


def _must_be_free(config: CarConfig, gpio: int) -> None:
    taken = [*config.drivetrain.used_gpios, *(pin for sensor in config.sensors.values() for pin in sensor.used_gpios)]
    if gpio in taken:
        raise ConfigError(f"GPIO {gpio} belongs to another device of this car. Wire the LED to a free one: --gpio.")


@contextlib.contextmanager
def _open(config: CarConfig, gpio: int, open_led: Callable[[int], Led]) -> Iterator[Opened]:
    if CAMERAS.find(config.camera.kind).is_simulated:
        # What is simulated need not take as long as it would.
        clock = VirtualClock()
        world = make_world(config, clock, Scenario(config.simulator.track, config.simulator.seed))
        led = SimulatedLed(clock)
        with CameraWithLed(world.camera, led) as camera:
            yield camera, led, clock
        return
    real = SystemClock()
    with contextlib.ExitStack() as stack:
        lamp = stack.enter_context(open_led(gpio))
        seeing = open_camera(config.camera, real)
        if seeing is not None:
            yield stack.enter_context(seeing), lamp, real


def _open_led(gpio: int) -> Led:
    # Only here, because a simulated car has no pins.
    from hardware.pins.opening import open_gpios

    return GpioLed(open_gpios(fine=False), gpio)


def _pulse_hz(config: CarConfig) -> float:
    """Return how many pulses a second the servo or the motors get; 0 where they get a command without one."""
    return float(getattr(config.drivetrain, "frequency_hz", 0.0))
