"""The lasting settings: what they are, who set them, and changing them."""
