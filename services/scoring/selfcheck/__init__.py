"""What this code makes of small sets whose results others have published.

`python -m scoring.selfcheck` compares, and prints a table; `rfm selfcheck` starts it.
"""
