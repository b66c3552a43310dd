"""Bytes to typed rows, purely: no session and no settings here."""
