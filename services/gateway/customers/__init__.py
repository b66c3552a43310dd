"""Customers: filtered lists, one in full, and why one moved."""
