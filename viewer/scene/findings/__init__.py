"""What was found in the images: the list of findings of a document, and the edit that changes it."""
