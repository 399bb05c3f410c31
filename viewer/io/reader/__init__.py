"""Reader processes, which index, load and parse foreign files, and the client that asks them."""
