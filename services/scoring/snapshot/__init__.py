"""What a snapshot is made of: features, scores, statistics, flows, and its tables."""
