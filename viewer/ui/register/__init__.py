"""The Register tab: two images aligned and compared."""
