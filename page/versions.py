"""The checkpoint history as the page shows it: where the weights in use come from, and a choice of versions, one line
each."""

from datetime import datetime

from models import NETWORKS, Network
from page import messages
from page.backend import PageBackend
from page.components import OpenRadio
from page.facts import facts_table
from page.handlers import Answer
from page.text import bytes_text, loss_text
from page.visitor import Visitor
from training import Origin, TrainingManager, Version

NOTHING_KEPT = "Empty: training, saving and restoring put here what they replace."
NOT_KNOWN = "not known: no run in this folder saved it, or one of an earlier version of the program"
UNSAVED = "not saved yet"
MOST_NAMES = 3  # of recordings in a line
HOW_TO_READ = "Earlier versions, newest first. Restoring one keeps the current weights as a version."


def version_list(manager: TrainingManager) -> OpenRadio:
    """The list of versions of a robot's checkpoints, the newest one chosen."""
    choices = [
        (version_label(one, one.is_in_use(manager.directory), _run_name(manager, one)), one.name)
        for one in manager.versions()
    ]
    value = choices[0][1] if choices else None
    return OpenRadio(choices=choices, value=value, info=HOW_TO_READ if choices else NOTHING_KEPT)


def _run_name(manager: TrainingManager, version: Version) -> str:
    """The name that visitors gave to the run that saved a version last; empty if it has none."""
    log = version.newest.origin.log
    return manager.title_of(log).name if log else ""


def checkpoint_history(backend: PageBackend, visitor: Visitor) -> Answer:
    """The versions of this robot's checkpoints that training, saving and restoring have replaced, newest first; and
    where the weights in use come from."""
    return history_answer(backend.manager_for(visitor))


def history_answer(manager: TrainingManager) -> Answer:
    """The same of a robot."""
    return {"models.versions": version_list(manager), "models.origins": origins_view(manager)}


def origins_view(manager: TrainingManager) -> str:
    """HTML: the runs, recordings and code that made the weights in use."""
    rows = [(f"{name.capitalize()} in use", text) for name, text in origin_rows(manager)]
    return facts_table(rows)


def origin_rows(manager: TrainingManager) -> list[tuple[Network, str]]:
    """Where the weights in use come from, network by network; without those that are untrained, and without any while
    a run makes new networks."""
    if manager.served is not manager.shared:
        return []
    known, weights = manager.origins(), manager.shared.weights
    trained = [network for network in NETWORKS if weights[network].is_trained]
    return [(network, origin_text(known[network]) if network in known else UNSAVED) for network in trained]


def origin_text(origin: Origin) -> str:
    """Text: "training a world model on 2 JetBot recordings · jetbot/session_1, jetbot/session_2 · run
    20261127_204501_predictor.jsonl · code 0.9.0 (1a2b3c4d5e6f)"."""
    parts = [
        origin.made_by or NOT_KNOWN,
        recordings_text(origin),
        f"run {origin.log}" if origin.log else "",
        f"code {origin.code}" if origin.code else "",
    ]
    return " · ".join(part for part in parts if part)


def recordings_text(origin: Origin) -> str:
    """The recordings that a checkpoint was trained on: "jetbot/session_1, jetbot/session_2 and 40 more"."""
    names = origin.recordings[:MOST_NAMES]
    more = origin.recording_count - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def restore_version(manager: TrainingManager, name: object) -> str:
    """Restore a version; returns HTML of what was loaded. Raises JobRunning and CheckpointError."""
    restored, weights = manager.restore(name if isinstance(name, str) else ""), manager.shared.weights
    lines = [
        messages.loaded(network, weights[network].describe(), restored[network].notes)
        if network in restored
        else messages.not_in_version(network)
        for network in NETWORKS
    ]
    return messages.result("".join(lines))


def version_name(manager: TrainingManager, version: Version) -> str:
    """A version in fewer words, for a list beside others: "2026-11-27 21:10 · long run · autoencoder step 1,500"."""
    parts = [_date(version.newest.saved), _run_name(manager, version) or version.newest.origin.made_by]
    parts += [_network_text(version, network) for network in NETWORKS if network in version.files]
    return " · ".join(part for part in parts if part)


def version_label(version: Version, is_in_use: bool, run_name: str = "") -> str:
    """A version in one line: "2026-11-27 21:10 · long run · training the predictor on … · predictor step 1,500 · 20.7
    MB". `run_name`: that of the run that saved it last."""
    measured, origin = version.measured, version.newest.origin
    made_by = origin.made_by
    is_known = bool(made_by) or version.is_permanent
    parts = [
        _date(version.newest.saved),
        run_name,
        "shipped with the project" if version.is_permanent else made_by,
        "" if version.is_permanent else recordings_text(origin),
        ", ".join(_network_text(version, network) for network in NETWORKS if network in version.files),
        f"{_loss_name(measured.loss.is_held_out)} {loss_text(measured.loss.value)}" if measured else "",
        bytes_text(version.size),
        f"code {origin.code}" if origin.code else "",
        "" if version.reason.startswith("before") and is_known else version.reason,
        "in use" if is_in_use else "",
    ]
    return " · ".join(part for part in parts if part)


def _loss_name(is_held_out: bool) -> str:
    return "validation loss" if is_held_out else "loss"


def _network_text(version: Version, network: Network) -> str:
    step = version.files[network].origin.step
    return network if step is None else f"{network} step {step:,}"


def _date(saved: str) -> str:
    moment = datetime.fromisoformat(saved)
    return f"{moment:%Y-%m-%d %H:%M}"
