"""A laptop and its cars: sessions come from them, and models go to them, over the pages' own API."""
