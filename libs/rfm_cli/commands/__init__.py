"""The commands of `rfm`, loaded when they are called."""
