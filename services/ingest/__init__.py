"""Watches the input folder, loads what is dropped there, and announces it."""
