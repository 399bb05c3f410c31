"""What the network of prompts is trained on: scenes from label maps and scans, and prompts as people place them."""
