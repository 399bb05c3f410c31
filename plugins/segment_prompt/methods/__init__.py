"""How voxels that no prompt names are told apart: classical methods, the trained network, nnInteractive."""
