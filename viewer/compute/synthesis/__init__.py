"""Images with known truth: phantoms, and the case of the built-in sample."""
