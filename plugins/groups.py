"""The headings under which the built-in plugins are listed."""

DIAGNOSIS = "Diagnosis"
MODELS = "Models"
REGISTRATION = "Registration"
RESTORATION = "Restoration"
SEGMENTATION = "Segmentation"
