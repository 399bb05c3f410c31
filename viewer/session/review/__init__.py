"""What persons decide: accepted and rejected results, the task list, the trail of both."""
