"""Evidence for verdicts on networks, collected from what is computed with them anyway.

It belongs to weights, by their digests, and to one recording: after a training step nothing is known of the networks,
after a restored checkpoint what was known of it before, and nothing on a recording that they were not run on.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models import NETWORKS, Network, Prediction, SharedWorldModel
from session import RecordedSession
from training.evaluation.baselines import FrameBaselines, RecordingBaselines
from training.evaluation.diagnostics import ActionDiagnostics
from training.evaluation.frame_errors import FrameErrors
from training.evaluation.verdict import Evidence, Verdict, verdict

MAX_FRAMES = 512  # whose scores are held for a network on a recording
MAX_SCORES = 64  # pairs of weights and a recording
MIN_PAIRS = 4  # frames; fewer say nothing of how certain a gain is
TINY = 1e-12  # in place of an error of 0, to divide by


@dataclass(frozen=True)
class FrameScore:
    """MSEs of one frame: of the network, of the mean picture, of repeating the last frame, and of the network under
    `other` actions than the recorded one. None if it is not known."""

    mse: float
    mean: float
    repeat: float | None = None
    other: float | None = None


class _Scores:
    """Scores by frame, of some weights on one version of a recording."""

    def __init__(self, recorded: str) -> None:
        self.recorded = recorded
        self.by_frame: OrderedDict[int, FrameScore] = OrderedDict()

    def add(self, scores: Mapping[int, FrameScore]) -> None:
        known = self.by_frame
        for frame, score in scores.items():
            before = known.pop(frame, None)
            # An evaluation of all frames does not try other actions: what is known of these stays.
            known[frame] = replace(score, other=before.other) if before and score.other is None else score
        while len(known) > MAX_FRAMES:
            known.popitem(last=False)


class EvidenceLog:
    """The scores of all robots' networks, of the weights and recordings that were used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scores: OrderedDict[tuple[str, Path], _Scores] = OrderedDict()

    def add(
        self,
        shared: SharedWorldModel,
        version: int,
        recording: RecordedSession,
        network: Network,
        scores: Mapping[int, FrameScore],
    ) -> None:
        """Add scores of frames of a recording. `version`: of the weights before they were computed; if it is no longer
        that of the weights in use, the scores are dropped."""
        if version != shared.version:
            return
        digests = shared.digests()  # may wait for a step
        if version != shared.version:
            return
        key = _weights_key(network, digests), recording.folder
        with self._lock:
            if key not in self._scores or self._scores[key].recorded != recording.version:
                self._scores[key] = _Scores(recording.version)
            self._scores[key].add(scores)
            self._scores.move_to_end(key)
            while len(self._scores) > MAX_SCORES:
                self._scores.popitem(last=False)

    def verdicts(self, shared: SharedWorldModel, folder: Path) -> dict[Network, Verdict]:
        """The verdict on each network as it is now, on the recording of a folder. Cheap: it opens no file."""
        weights = shared.weights
        sees = weights["autoencoder"].is_trained
        is_trained: dict[Network, bool] = {
            "autoencoder": sees,
            "predictor": sees and weights["predictor"].is_trained,
        }
        evidence = {name: summarize_scores(self._of(name, shared, folder)) for name in NETWORKS}
        return {name: verdict(name, is_trained[name], evidence[name]) for name in NETWORKS}

    def _of(self, network: Network, shared: SharedWorldModel, folder: Path) -> list[FrameScore]:
        digests = shared.known_digests()
        if digests is None:
            return []
        with self._lock:
            scores = self._scores.get((_weights_key(network, digests), folder))
            return list(scores.by_frame.values()) if scores else []


def _weights_key(network: Network, digests: Mapping[Network, str]) -> str:
    """The weights that a network's output depends on: a predictor's also on the autoencoder's."""
    return digests[network] if network == "autoencoder" else " ".join(digests[name] for name in NETWORKS)


def prediction_score(result: Prediction, baselines: FrameBaselines, recording: RecordedSession) -> FrameScore:
    """The score of a predicted frame; `other` is the mean error of the candidates that are not the recorded action.

    The candidates of a continuous robot are no evidence: most are further from the middle than what was recorded, and
    so have larger errors with a network that has learned nothing of its actions, too.
    """
    if recording.is_continuous:
        return FrameScore(result.mse, baselines.mean, baselines.repeat)
    others = [one.mse for index, one in enumerate(result.candidates) if index != result.recorded]
    return FrameScore(result.mse, baselines.mean, baselines.repeat, float(np.mean(others)) if others else None)


def diagnosed_scores(
    diagnostics: ActionDiagnostics, recording: RecordedSession, baselines: RecordingBaselines
) -> dict[int, FrameScore]:
    """The scores of the frames of action diagnostics; other actions are the candidates, or of a continuous robot those
    recorded elsewhere. Raises FrameUnreadable."""
    scores = {}
    others = diagnostics.shuffled_losses if recording.is_continuous else diagnostics.other_losses
    columns = diagnostics.targets, diagnostics.true_losses.tolist(), others.tolist()
    for frame, own, other in zip(*columns, strict=True):
        base = baselines.of_frame(recording, frame)
        scores[frame] = FrameScore(own, base.mean, base.repeat, None if np.isnan(other) else other)
    return scores


def evaluated_scores(errors: FrameErrors, baselines: RecordingBaselines) -> dict[Network, dict[int, FrameScore]]:
    """The scores of both networks from an evaluation: of those of the baselines' frames that have an error."""
    scores: dict[Network, dict[int, FrameScore]] = {"autoencoder": {}, "predictor": {}}
    for frame, mean, repeat in zip(baselines.frames.tolist(), baselines.mean, baselines.repeat, strict=True):
        reconstruction, prediction = errors.reconstruction[frame], errors.prediction[frame]
        if not np.isnan(reconstruction):
            scores["autoencoder"][frame] = FrameScore(float(reconstruction), float(mean))
        if not np.isnan(prediction) and not np.isnan(repeat):
            scores["predictor"][frame] = FrameScore(float(prediction), float(mean), float(repeat))
    return scores


def summarize_scores(scores: Iterable[FrameScore]) -> Evidence | None:
    """The evidence of some frames, or None without any. Repeating counts if its error is known of all of them."""
    scores = list(scores)
    if not scores:
        return None
    mse, mean = float(np.mean([one.mse for one in scores])), float(np.mean([one.mean for one in scores]))
    repeats = [one.repeat for one in scores if one.repeat is not None]
    gain, error = _gain([(one.mse, one.other) for one in scores if one.other is not None])
    repeat = float(np.mean(repeats)) if len(repeats) == len(scores) else None
    return Evidence(mse, mean, repeat, gain, error, len(scores))


def _gain(pairs: list[tuple[float, float]]) -> tuple[float | None, float | None]:
    """Growth of the error under other actions, relative to the mean error, and its standard error; None for too few."""
    if len(pairs) < MIN_PAIRS:
        return None, None
    own, other = np.array(pairs).T
    grown = (other - own) / max(float(own.mean()), TINY)
    return float(grown.mean()), float(grown.std(ddof=1) / np.sqrt(len(grown)))
