"""What the network of the brain is trained on: heads painted from label maps, in contrasts of chance."""
