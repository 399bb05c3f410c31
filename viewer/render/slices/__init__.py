"""The slice view, with one artist a kind of layer."""
