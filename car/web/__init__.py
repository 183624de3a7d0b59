"""The car's pages: their server in the controls, their library in the desk, and who may use them."""
