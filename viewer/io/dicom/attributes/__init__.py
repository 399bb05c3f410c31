"""Values of DICOM attributes: numbers, texts, dates, private blocks, and which of them are damaged."""
