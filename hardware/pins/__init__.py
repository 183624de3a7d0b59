"""Pin factories for gpiozero, with the resolution that steering needs."""
