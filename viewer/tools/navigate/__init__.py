"""Tools that change how images are looked at."""
