"""What is left of a run that failed: its frames, and their local variables."""
