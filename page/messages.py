"""Sentences and empty states of the page, as HTML."""

from collections.abc import Sequence
from html import escape

from session import code_version

NOTHING_LOADED = "No session is open: choose one in the list."
READ_ONLY = "This server is read-only: loading, training, recording, saving and flagging are off."
MAY_ONLY_LOOK = (
    "Your link is view-only. To train, load, record, save or flag, open the training link; it is printed in the "
    "server's terminal."
)
SESSION_GONE = "This session was deleted or moved. Press Refresh and choose another."
NO_SESSION = '<p class="fine">No session is open.</p>'
EMPTY_AUTOENCODER = '<div class="empty">Press <b>Run Autoencoder</b> to reconstruct the selected frame.</div>'
EMPTY_PREDICTOR = (
    '<div class="empty">Press <b>Run Predictor</b> to predict the selected frame from the frames before it. Select '
    "frame 1 or later.</div>"
)
EMPTY_ATTENTION = (
    '<div class="empty">Press <b>Show attention</b> to see which frames, actions and patches the predictor attends to.'
    "</div>"
)
EMPTY_WEIGHTS = (
    '<div class="empty">Press <b>Recompute</b> for filters, position embeddings and weight distributions of both '
    "networks.</div>"
)
EMPTY_ACTIONS = (
    '<div class="empty">Does the predictor use the actions? Press <b>Run</b> to compare its error with true, shuffled '
    "and zeroed actions.</div>"
)
EMPTY_SKILL = (
    '<div class="empty">Press <b>Measure</b> to see the errors beside those of repeating the last frame and of the '
    "mean image, and whether the right actions predict better than others.</div>"
)
EMPTY_ERRORS = (
    '<div class="empty">Press <b>Evaluate recording</b> for the reconstruction and prediction error of every frame, '
    "drawn under the history, and the worst frames.</div>"
)
EMPTY_COMPARE = (
    '<div class="empty">Is a new checkpoint better than an old one here? Choose two and press <b>Compare</b>: both '
    "predict the selected frame, and imagine what follows under the same actions. Nothing is loaded for others.</div>"
)
EMPTY_TRUTH = (
    '<div class="empty">For a simulated robot, the true outcome of every action is known. Press <b>Measure</b> to '
    "compare predictions with it.</div>"
)
EMPTY_ROLLOUT = (
    '<div class="empty">Press <b>Roll out</b> to imagine the frames after the selected one under the recorded actions, '
    "and see how the error grows.</div>"
)
KEPT_ERRORS = (
    '<div class="empty">This recording has been evaluated; the errors are drawn under the history. Choose under '
    "<b>Evaluation</b> for numbers and figures.</div>"
)
VERSION_LINE = f'<p class="fine">Session Explorer {code_version()}</p>'
ADOPTION = (
    '<p class="fine">For recordings that name one robot differently, or two robots alike. Choose a robot, or type a '
    "new name: the recording then counts as one of that robot's, with its networks, and its actions are scaled by that "
    "robot's ranges. Channels with other names are matched by order. No recording is changed: "
    "<code>adopted.json</code> in the data folder lists what was adopted.</p>"
)
WORLD_MODEL_TEXT = (
    "Trains new networks in phases: reconstruct frames, then predict the next frame from the actions. Some frames are "
    "held out for validation. You can pause or stop, and resume later, even after the server restarts."
)
WORLD_MODEL = f'<p class="fine">{WORLD_MODEL_TEXT}</p>'
MEASURING = "Measuring how long it takes … "
REPLACED_NETWORKS = (
    "<b>Replaces the current networks</b> at its end; until then everybody goes on with them. Restore them any time "
    "under Models, Checkpoint history."
)
ADVANCED_NOTE = (
    '<p class="fine">Defaults. The predictor trains with the history length set under Predictor. Training the '
    "predictor <b>also changes the autoencoder</b>.</p>"
)
NO_RECORDINGS = (
    "There are no recordings yet. Record a demo with the two simulated robots, or copy sessions into the data folder "
    "and press *Refresh*."
)
ALL_UNREADABLE = (
    '<div class="notice">The folders of the recordings cannot be read. Have their owner give the right to read them to '
    "whoever runs this server, then press Refresh.</div>"
)
TITLE = (
    "<h1>Session Explorer</h1><p>What the robot saw, what its world model predicts, and what other actions would have "
    "led to.</p>"
)


def errors_of_others(what: str) -> str:
    """The sentence above errors that are not those of the weights and history in use, but of `what`."""
    return f"These errors are for {escape(what)}. Evaluate again to update."


def checkpoint_advice(prefix: str, robot: str) -> str:
    """Advice for a robot without checkpoints."""
    return (
        f'<p class="fine">This robot has no checkpoints yet. Train under Training, or copy '
        f"<code>autoencoder.pth</code> and <code>predictor_0.pth</code> into <code>{escape(prefix)}/{escape(robot)}/"
        "</code> and press Load Models.</p>"
    )


def unreadable_checkpoints(prefix: str, robot: str, problem: str) -> str:
    """The notice for a robot whose folder of checkpoints cannot be read."""
    folder = f"<code>{escape(prefix)}/{escape(robot)}</code>"
    return (
        f'<div class="notice">The folder {folder} cannot be read ({escape(problem)}): its checkpoints are not listed. '
        "Have its owner give the right to read it to whoever runs this server, then reload the page.</div>"
    )


def load_first(may_train: bool) -> str:
    """Advice for a robot whose checkpoints are not in use."""
    todo = (
        "Press Load Models to use them, and to continue training from them."
        if may_train
        else "Loading them needs the training link."
    )
    return f'<p class="fine">This robot has checkpoints that are not loaded. {todo}</p>'


def no_checkpoints_here(robot: str) -> str:
    """The same as `checkpoint_advice` for visitors who may not train or load."""
    return f'<p class="fine">This server has no checkpoints for {escape(robot)}.</p>'


def role_note(is_read_only: bool, may_train: bool) -> str:
    """The end of the status line: the rights of the visitor."""
    if is_read_only:
        return "Read-only server"
    return "Shared weights" if may_train else "View-only link"


def notice(problem: Exception) -> str:
    return f'<div class="notice">{escape(str(problem))}</div>'


def left_as_it_is(network: str) -> str:
    return f"<p><b>{network.capitalize()}</b> unchanged: no path was given.</p>"


def loaded(network: str, weights: str, notes: Sequence[str]) -> str:
    """The result of loading a network; `weights`: file and step."""
    text = "".join(f" {escape(note)}" for note in notes)
    return f"<p><b>{network.capitalize()}</b> loaded: {escape(weights)}.{text}</p>"


def not_in_version(network: str) -> str:
    """The result of restoring a version without a file of this network."""
    return f"<p><b>{network.capitalize()}</b> unchanged: this version has none.</p>"


def not_loaded(network: str, problem: Exception) -> str:
    title = network.capitalize()
    return f'<div class="notice"><b>{title} not loaded.</b> {escape(str(problem))} Current weights unchanged.</div>'


def result(content: str) -> str:
    return f'<div class="result">{content}</div>'
