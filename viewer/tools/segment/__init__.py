"""Tools that paint, draw and grow segments."""
