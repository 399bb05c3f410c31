"""The 3-D view, with one artist a kind of layer."""
