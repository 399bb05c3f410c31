"""Learning from corrections: accepted cases, their split, the tuned model beside the old one."""
