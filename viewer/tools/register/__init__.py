"""Tools that align two images: by hand, by landmarks."""
