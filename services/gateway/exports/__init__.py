"""Segments and changes of segment as files."""
