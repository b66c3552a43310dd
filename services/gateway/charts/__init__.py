"""Pictures of a snapshot's sample: the only user of matplotlib and plotly. Pure."""
