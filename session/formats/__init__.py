"""Parts that the formats of recordings share."""
