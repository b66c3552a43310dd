"""Dropped files: the ledger, uploads and demo data."""
