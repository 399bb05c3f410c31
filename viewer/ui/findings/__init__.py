"""The Findings tab: what was found, sorted by what needs review, and what a reader makes of each."""
