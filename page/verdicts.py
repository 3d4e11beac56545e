"""Verdicts and baselines as HTML: the lines beside every error of the page, and the evidence that results give."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from models import NETWORKS, Network, Prediction, SharedWorldModel
from page.backend import PageBackend
from page.text import count_text, loss_text, percent_text
from page.visitor import Visitor
from session import RecordedSession
from training import (
    MEAN,
    REPEATING,
    ActionDiagnostics,
    EvaluationResult,
    Evidence,
    FrameScore,
    JobSnapshot,
    RecordingBaselines,
    Skill,
    Verdict,
    diagnosed_scores,
    evaluated_scores,
    level_conditions,
    prediction_score,
    share_below,
    summarize_scores,
    verdict,
)

SAME_FRAMES = "all frames look the same"
# The losses on the same frames as the trivial guesses of a run: the first one that is known.
RUN_LOSSES = {"held out": ("validation frames", "Validation loss"), "evaluated": ("training frames", "Eval loss")}


def baselines_line(
    mse: float, mean: float, repeat: float | None = None, repeated: str = "the last frame", error: str = ""
) -> str:
    """HTML of one line: the share explained, and what repeating a frame (`repeated`) and the mean image give. `error`
    names the MSE if it is not shown above."""
    explained = share_below(mse, mean)
    if explained is None:
        share = SAME_FRAMES.capitalize()
    elif explained < 0:
        share = "Worse than always showing the mean image"
    else:
        share = f"Explains <b>{percent_text(explained)}</b> of the variance between frames"
    parts = [escape(error), share] if error else [share]
    if repeat is not None:
        parts.append(f"repeating {repeated}: {loss_text(repeat)}")
    return f'<p class="fine baselines">{" · ".join([*parts, f"mean image: {loss_text(mean)}"])}</p>'


def verdict_line(network: Network, judged: Verdict) -> str:
    """HTML of a verdict with its reason."""
    level = judged.level.replace(" ", "-")
    title = f"{network.capitalize()}: <b>{escape(judged.level)}</b>"
    scope = f"Over {count_text(judged.frames, 'frame')} of this recording: " if judged.frames else ""
    reason = judged.reason[0].lower() + judged.reason[1:] if scope else judged.reason
    return f'<p class="verdict" data-level="{level}">{title}. {scope}{escape(reason)}</p>'


def level_list() -> str:
    """HTML: what each verdict means, folded."""
    items = "".join(f"<li><b>{level}</b>: {escape(text)}</li>" for level, text in level_conditions().items())
    return f'<details class="facts"><summary>What the verdicts mean</summary><ul>{items}</ul></details>'


def run_lines(job: JobSnapshot) -> str:
    """HTML of the lines beside the loss of a run: a verdict on the network in training, and what trivial guesses give
    for the same frames. Empty if these were not computed."""
    key, mean = next((one for one in RUN_LOSSES if job.curves.get(one)), None), job.references.get(MEAN)
    if job.network not in NETWORKS or key is None or mean is None:
        return ""
    evidence = Evidence(job.curves[key][-1][1], mean, job.references.get(REPEATING), frames=0)
    if evidence.explained is None:  # one frame alone is its own mean
        return ""
    frames, name = RUN_LOSSES[key]
    lines = verdict_line(job.network, verdict(job.network, True, evidence))
    lines += baselines_line(evidence.mse, mean, evidence.repeat, error=f"{name} {loss_text(evidence.mse)}")
    at = "" if job.evaluated_at == job.step else f", at step {max(0, job.evaluated_at):,}"
    return f'<div id="run-verdict"><p class="fine">This run, on {frames}{at}:</p>{lines}</div>'


def verdicts_in_use(backend: PageBackend, visitor: Visitor) -> dict[Network, Verdict]:
    """The verdicts on the networks of the visitor's robot, from what was computed with them on the open recording."""
    shared = backend.manager_for(visitor).served
    return backend.evidence.verdicts(shared, backend.session_folder(visitor.session_id))


def in_use_lines(verdicts: Mapping[Network, Verdict]) -> str:
    """HTML of these verdicts."""
    lines = "".join(verdict_line(network, judged) for network, judged in verdicts.items())
    return f'<div id="verdicts-in-use"><p class="fine">Networks in use, on this recording:</p>{lines}</div>'


def judge_reconstruction(
    backend: PageBackend, shared: SharedWorldModel, recording: RecordedSession, frame: int, error: float, version: int
) -> str:
    """HTML of the lines beside the error of a reconstruction, which becomes evidence. `version`: of the weights before
    it was computed."""
    baselines = backend.baselines.of(recording)
    if baselines is None:
        return ""
    base = baselines.of_frame(recording, frame)
    judged = _judge(backend, shared, recording, version, {"autoencoder": {frame: FrameScore(error, base.mean)}})
    return baselines_line(error, base.mean, base.repeat) + verdict_line("autoencoder", judged["autoencoder"])


def judge_prediction(
    backend: PageBackend,
    shared: SharedWorldModel,
    recording: RecordedSession,
    frame: int,
    result: Prediction,
    version: int,
) -> str:
    """The same for a prediction."""
    baselines = backend.baselines.of(recording)
    if baselines is None:
        return ""
    score = prediction_score(result, baselines.of_frame(recording, frame), recording)
    judged = _judge(backend, shared, recording, version, {"predictor": {frame: score}})
    return baselines_line(score.mse, score.mean, score.repeat) + verdict_line("predictor", judged["predictor"])


def judge_diagnostics(
    backend: PageBackend, shared: SharedWorldModel, recording: RecordedSession, result: ActionDiagnostics, version: int
) -> str:
    """The same for action diagnostics."""
    baselines = backend.baselines.of(recording)
    if baselines is None:
        return ""
    scores = diagnosed_scores(result, recording, baselines)
    judged = _judge(backend, shared, recording, version, {"predictor": scores})
    mean = float(np.mean([score.mean for score in scores.values()]))
    repeats = [score.repeat for score in scores.values() if score.repeat is not None]
    repeat = float(np.mean(repeats)) if repeats else None
    return baselines_line(result.true_loss, mean, repeat) + verdict_line("predictor", judged["predictor"])


def judge_skill(
    backend: PageBackend, shared: SharedWorldModel, recording: RecordedSession, skill: Skill, version: int
) -> dict[Network, Verdict]:
    """The verdicts after a measurement, which becomes evidence."""
    return _judge(backend, shared, recording, version, skill.scores())


def mean_image_errors(
    backend: PageBackend, recording: RecordedSession, pictures: Sequence[np.ndarray]
) -> list[float] | None:
    """The MSE of the mean image for each of some true pictures, uint8 (H, W, 3)."""
    baselines = backend.baselines.of(recording) if pictures else None
    return None if baselines is None else [baselines.mean_mse(picture) for picture in pictures]


def add_evaluations(
    backend: PageBackend, visitor: Visitor, recording: RecordedSession, results: list[EvaluationResult]
) -> None:
    """Take the errors of a whole recording as evidence, if they are of the weights in use. Not while these change."""
    manager = backend.manager_for(visitor)
    job, shared = manager.snapshot(), manager.served
    if not results or (job is not None and job.is_active):
        return
    version, digests, baselines = shared.version, dict(shared.digests()), backend.baselines.of(recording)
    for result in results:
        if baselines is not None and dict(result.digests) == digests:
            _add(backend, recording, (shared, version), evaluated_scores(result.track, baselines))


def evaluation_lines(errors: EvaluationResult, baselines: RecordingBaselines) -> str:
    """HTML of the lines beside the errors of a whole recording: baselines on up to 64 frames, and a verdict on the
    networks that were evaluated, which need not be those in use."""
    lines, sees = "", True
    for network, scores in evaluated_scores(errors.track, baselines).items():
        sees = sees and errors.weights[network] != "untrained"
        evidence = summarize_scores(scores.values())
        if evidence is not None:
            lines += verdict_line(network, verdict(network, sees, evidence))
            lines += baselines_line(evidence.mse, evidence.mean, evidence.repeat)
    return f'<div id="errors-verdicts">{lines}</div>' if lines else ""


def _judge(
    backend: PageBackend,
    shared: SharedWorldModel,
    recording: RecordedSession,
    version: int,
    scores: Mapping[Network, Mapping[int, FrameScore]],
) -> dict[Network, Verdict]:
    _add(backend, recording, (shared, version), scores)
    return backend.evidence.verdicts(shared, recording.folder)


def _add(
    backend: PageBackend,
    recording: RecordedSession,
    weights: tuple[SharedWorldModel, int],
    scores: Mapping[Network, Mapping[int, FrameScore]],
) -> None:
    for network, of_frames in scores.items():
        backend.evidence.add(*weights, recording, network, of_frames)
