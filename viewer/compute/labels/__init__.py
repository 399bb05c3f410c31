"""Label maps: measures, comparison, consensus, and images whose values are labels."""
