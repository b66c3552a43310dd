"""What could be wrong with an installation, looked at from outside, and what to do about it."""
