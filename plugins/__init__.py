"""The built-in plugins, one folder each: declaration, method or network, training script."""
