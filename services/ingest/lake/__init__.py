"""The orders of each import as Parquet files, for a cluster to read."""
