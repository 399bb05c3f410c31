"""What computes: jobs in processes of their own, networks and models, registration, effects and measures, on numpy."""
