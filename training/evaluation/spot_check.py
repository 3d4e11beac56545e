"""Spot checks: a few frames of an opened recording, computed in the background, so that trained networks are judged
before anybody presses a button."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from models import Network, NotFinite, SharedWorldModel, run_prediction, run_reconstruction
from session import RecordedSession, SessionError
from session.batch import build_batch, frame_tensor, scaled_values
from session.robots.actions import SAME_WITHIN
from session.spread import spread
from training.evaluation.baselines import Baselines, RecordingBaselines
from training.evaluation.evidence import EvidenceLog, FrameScore, prediction_score

FRAMES = 6  # enough for a gain of the recorded actions over others
HISTORY = 3
OTHER_ACTIONS = 2
REMEMBERED = 256

logger = logging.getLogger(__name__)


class SpotChecks:
    """Spot checks of all robots' networks, one at a time, each once for the weights and the recording."""

    def __init__(self, baselines: Baselines, evidence: EvidenceLog) -> None:
        self._baselines, self._evidence = baselines, evidence
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple, None] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, "spot check")

    def begin(self, shared: SharedWorldModel, recording: RecordedSession) -> bool:
        """Check the weights in use on some frames, unless that was done; returns at once, True if it begins."""
        key = (id(shared), shared.version, recording.folder, recording.version)
        with self._lock:
            is_known = key in self._known
            self._known[key] = None
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        if not is_known:
            self._pool.submit(self._check, shared, recording, shared.version)
        return not is_known

    def wait(self) -> None:
        """Wait until all that were begun are done."""
        self._pool.submit(lambda: None).result()

    def close(self) -> None:
        """Begin no other one."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _check(self, shared: SharedWorldModel, recording: RecordedSession, version: int) -> None:
        try:
            baselines = self._baselines.of(recording)
            for frame in _frames(recording) if baselines is not None else ():
                if shared.version != version:  # training goes on
                    return
                for network, score in _scores(shared, recording, frame, baselines):
                    self._evidence.add(shared, version, recording, network, {frame: score})
        except (SessionError, NotFinite) as problem:
            logger.info("no spot check of %s: %s", recording.name, problem)


def _frames(recording: RecordedSession) -> Iterator[int]:
    """Frames with others before them, evenly spread."""
    targets = np.flatnonzero(recording.previous >= 0)
    return (int(targets[place]) for place in (spread(len(targets), FRAMES) if len(targets) else ()))


def _scores(
    shared: SharedWorldModel, recording: RecordedSession, frame: int, baselines: RecordingBaselines
) -> Iterator[tuple[Network, FrameScore]]:
    """The scores of both networks for a frame; raises SessionError and NotFinite."""
    base = baselines.of_frame(recording, frame)
    if shared.weights["autoencoder"].is_trained:
        yield "autoencoder", FrameScore(run_reconstruction(shared, frame_tensor(recording, frame)).mse, base.mean)
    if not all(source.is_trained for source in shared.weights.values()):
        return
    history = recording.history(frame, HISTORY)
    batch, candidates = build_batch(recording, history), _candidates(recording, history.actions[-1])
    result = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, 0)
    yield "predictor", prediction_score(result, base, recording)


def _candidates(recording: RecordedSession, action: int) -> torch.Tensor:
    """The recorded action, and a few others that a robot chooses from: scaled, (C, A)."""
    recorded = recording.actions[action]
    others = recording.candidate_actions[[]] if recording.is_continuous else recording.candidate_actions
    others = others[~np.isclose(others, recorded, atol=SAME_WITHIN).all(axis=1)]
    some = others[spread(len(others), OTHER_ACTIONS)] if len(others) else others
    return scaled_values(recording, np.vstack((recorded[None], some)))
