"""The segments of a snapshot, also country by country."""
