"""Recomputes R, F, M, clusters and segments when the data changes."""
