"""The Inspect tab: a result held against its input, and measured."""
