"""How well two images are aligned: figures, pictures, the report that a person signs."""
