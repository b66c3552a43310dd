"""Health, the audit log, figures for monitoring, and help."""
