"""The choice of the frames that a predictor remembers."""

import torch

from training.recipe.remembering import most_different


def test_what_was_seen_often_is_remembered_once():
    places = torch.rand(4, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    seen = torch.cat([places[:1].expand(9, -1, -1, -1), places[[1, 0, 2, 1, 3, 3]]])
    noise = torch.rand(seen.shape, generator=torch.Generator().manual_seed(1))
    pictures = ((0.95 * seen + 0.05 * noise) * 255).byte()
    of_place = torch.tensor([0] * 9 + [1, 0, 2, 1, 3, 3])
    assert sorted(of_place[most_different(pictures, 4)].tolist()) == [0, 1, 2, 3]
    assert sorted(most_different(pictures, 99)) == list(range(15))
    assert most_different(pictures[:1], 5) == [0]
