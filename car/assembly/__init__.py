"""From a configuration to devices that are open."""
