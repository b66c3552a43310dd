"""Who went from which segment to which, and why."""
