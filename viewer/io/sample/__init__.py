"""The built-in sample: two studies of one simulated head, with known truth."""
