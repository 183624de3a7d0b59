"""The car's pages: the server in the desk process, its channels, and who may use them."""
