"""Registration by optimisation: lattices, metrics, linear steps, greedy diffeomorphic stages."""
