"""Cars and laptops on one machine, each a host of its own, with a network between them that may lose and delay."""
