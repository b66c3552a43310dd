"""A run from its claim to its publication: the queue, the lease, the steps, the swap."""
