"""The headings under which the built-in plugins are listed."""

MODELS = "Models"
REGISTRATION = "Registration"
RESTORATION = "Restoration"
SEGMENTATION = "Segmentation"
