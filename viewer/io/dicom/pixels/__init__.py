"""Stored pixels, native or compressed, as arrays."""
