"""Plugins: how a signature declares one, where they are found, and one run with its provenance."""
