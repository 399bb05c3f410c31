"""How images, results and transforms are held against each other in the views."""
