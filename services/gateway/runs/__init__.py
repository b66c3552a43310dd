"""Scoring runs and their snapshots."""
