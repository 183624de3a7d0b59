"""A search for the settings of a training that suit the sessions best."""
