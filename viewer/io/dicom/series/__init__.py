"""From headers to images: which slices belong together, in which order, and how they are read."""
