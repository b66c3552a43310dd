"""Customers of value who are going quiet, and what they spent before they did."""
