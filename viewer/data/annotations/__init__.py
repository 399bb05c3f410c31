"""What is said of places in the patient: regions, landmarks, prompts, doubts, tables and findings, in LPS mm."""
