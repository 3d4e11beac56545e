"""What the Blocks script needs and is not wiring: the frame player, the routes that serve recorded frames, what is
kept for each visitor, and the formatting of numbers, facts and pictures. Knows recordings; no networks, no layout."""
