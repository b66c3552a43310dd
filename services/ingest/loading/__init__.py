"""Rows to tables, in one transaction per file."""
