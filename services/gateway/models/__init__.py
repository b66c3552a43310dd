"""The versions of the model: where clusters lie and what they are called."""
