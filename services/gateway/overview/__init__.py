"""The dashboard's first page, and what is going on."""
