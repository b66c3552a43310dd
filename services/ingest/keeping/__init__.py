"""What becomes of files afterwards: archive, quarantine, retention, erasure."""
