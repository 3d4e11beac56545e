"""Who looks while somebody trains sees whole steps, and training does not feel it."""

import threading

import pytest
import torch

from models import run_prediction, run_reconstruction
from models.layers import Dropout
from session.batch import build_batch, frame_tensor, scaled_candidates
from tests.promises import count
from tests.training.tiny import ENDLESS, FAST, are_equal, make_manager, optimizer_state, request, tensors_of, train
from training import FixedSteps

pytestmark = pytest.mark.promise("inference beside training")


def looks_at(manager, recording):
    """Both inferences on fixed input, as numbers that no two weights have in common."""
    image, history = frame_tensor(recording, 5), recording.history(6, 3)
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recording.candidate_index(history.actions[-1])

    def reconstruct():
        return run_reconstruction(manager.shared, image).mse

    def predict():
        found = run_prediction(manager.shared, batch.frames, batch.actions, batch.target, candidates, recorded)
        return (found.mse, found.difference_top, *(candidate.mse for candidate in found.candidates))

    return {"reconstruction": reconstruct, "prediction": predict}


@pytest.mark.parametrize("kind", ["reconstruction", "prediction"])
def test_each_inference_is_that_of_a_whole_step(manager, recording, kind, figure):
    look, wanted = looks_at(manager, recording)[kind], count(100, 500)
    known, modes, note_steps = set(), set(), manager.trainer._record_steps
    losses = manager.shared.model.prediction_losses

    def note(network):
        note_steps(network)
        modes.add(("after a step", any(part.training for part in manager.shared.model.modules())))
        known.add(look())
        modes.add(("after a look", any(part.training for part in manager.shared.model.modules())))

    def in_step(*given):
        if torch.is_grad_enabled():
            dropouts = [part.training for part in manager.shared.model.predictor.modules() if isinstance(part, Dropout)]
            modes.add(("in a step", all(dropouts) and bool(dropouts)))
        return losses(*given)

    manager.trainer._record_steps, manager.shared.model.prediction_losses = note, in_step
    known.add(look())
    job = manager.train(request(recording, "predictor", ENDLESS))
    found = []

    def ask():
        while len(found) < wanted:
            found.append(look())

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(600)
    manager.stop()
    assert job.wait(30)
    torn = [one for one in found if one not in known]
    figure(
        f"{kind}: {len(torn)} of {len(found)} inferences are of no whole step; {len(set(found))} different steps seen, "
        f"{job.snapshot().step} taken"
    )
    assert torn == [] and len(set(found)) > 2
    assert modes == {("after a step", False), ("after a look", False), ("in a step", True)}


def test_training_is_the_same_with_and_without_inference(manager, tmp_path, recording, figure):
    alone, steps = make_manager(tmp_path / "alone"), FixedSteps(count(6, 60))
    looks, ended = looks_at(manager, recording), threading.Event()

    def ask(look):
        while not ended.is_set():
            look()

    askers = [threading.Thread(target=ask, args=(look,)) for look in looks.values()]
    for asker in askers:
        asker.start()
    watched = train(manager, recording, "predictor", steps, config=FAST)
    ended.set()
    for asker in askers:
        asker.join(30)
    unwatched = train(alone, recording, "predictor", steps, config=FAST)
    differing = [name for name in watched.curves if watched.curves[name] != unwatched.curves[name]]
    is_same = are_equal(tensors_of(manager.shared.model), tensors_of(alone.shared.model))
    is_same &= are_equal(optimizer_state(manager.trainer.state), optimizer_state(alone.trainer.state))
    figure(f"{steps.max_steps} steps beside inference: {len(differing)} curves differ from those without it")
    assert differing == [] and is_same
