"""What the network for lesions is trained on: lesions of patients put into painted heads and into real ones."""
