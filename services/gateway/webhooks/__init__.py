"""Telling other programs of new scores: what is told, to whom, and until it arrives."""
