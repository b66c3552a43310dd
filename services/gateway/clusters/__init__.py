"""The clusters of a run: why this many, and what their centres mean."""
