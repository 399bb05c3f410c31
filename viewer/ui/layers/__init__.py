"""The Layers and Info tabs: what is open, how it looks, what is known of it."""
