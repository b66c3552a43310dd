"""Every SQL statement of scoring: the queue of runs, what a run reads, what it publishes."""
