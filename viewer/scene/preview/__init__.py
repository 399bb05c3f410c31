"""Images and results that are on their way: shown before they are part of the document."""
