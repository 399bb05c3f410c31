"""Texts, scale bars, marks and regions above a picture."""
