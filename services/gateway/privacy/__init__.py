"""Erasing customers."""
