"""What a person marks in the patient: regions of interest and landmarks, in LPS mm."""
