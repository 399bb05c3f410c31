"""What is open: layers that change by edits only, and how all of it is looked at; neither Qt nor VTK is known."""
