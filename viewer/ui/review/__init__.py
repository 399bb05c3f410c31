"""The Review tab: segmentations compared, the task list, the trail of decisions."""
