"""The engine of a Spark cluster; a worker loads it by name when `RFM_ENGINE` is spark."""
