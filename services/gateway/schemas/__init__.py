"""What the API sends and accepts: one immutable struct per thing, field names as in the docs."""
