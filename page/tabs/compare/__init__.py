"""The Compare tab: two pairs of checkpoints on the selected frame and in one dream."""
