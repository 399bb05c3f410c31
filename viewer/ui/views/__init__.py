"""The grid of views, and what keys and menus do with it."""
