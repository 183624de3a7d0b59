"""How finely each kind of pins can set a pulse.

================  ============================================================================================
``pca9685``       12 bits of its period: 4.9 µs at 50 Hz
``hardware_pwm``  one tick of the PWM's clock: 0.1 µs on a Pi 4 (10 MHz), 0.02 µs on a Pi 5 (50 MHz)
``pwm_pio``       three ticks of a Pi 5's PIO, which runs at 200 MHz: 0.015 µs
``fine_lgpio``    1 µs: lgpio counts in whole ones, whatever fraction of the period it is given
``lgpio``         gpiozero's own way to lgpio, whole percents of the period: 200 µs at 50 Hz, 6 steering positions
================  ============================================================================================
"""

from __future__ import annotations

from hardware.pins.pca9685_registers import prescale

US_PER_S = 1e6
HARDWARE_PWM_STEP_US = 0.1
PWM_PIO_STEP_US = 0.015
FINE_LGPIO_STEP_US = 1.0
LGPIO_STEPS = 100


def pulse_step_us(pins: str, frequency_hz: float, oscillator_hz: float = 25e6) -> float:
    """Return the smallest change of a pulse that ``pins`` can make, in µs; raises ValueError for unknown ones."""
    match pins:
        case "pca9685":
            return (prescale(frequency_hz, oscillator_hz) + 1) / oscillator_hz * US_PER_S
        case "hardware_pwm":
            return HARDWARE_PWM_STEP_US
        case "pwm_pio":
            return PWM_PIO_STEP_US
        case "fine_lgpio":
            return FINE_LGPIO_STEP_US
        case "lgpio":
            return US_PER_S / frequency_hz / LGPIO_STEPS
        case _:
            known = "pca9685, hardware_pwm, pwm_pio, fine_lgpio or lgpio"
            raise ValueError(f"There are no pins called {pins!r}. Choose {known}.")
