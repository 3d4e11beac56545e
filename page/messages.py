"""Sentences and empty states of the page, as HTML."""

from collections.abc import Sequence
from html import escape

NOTHING_LOADED = "No session is loaded: pick one and press Load Session."
READ_ONLY = "This server is read-only: nobody loads, trains, records or saves here."
MAY_ONLY_LOOK = (
    "Your link is for looking and running the networks. To train, load, record or save, open the link for training; "
    "whoever started the server has it."
)
SESSION_GONE = "This session is no longer on disk: it was deleted or moved. Press Refresh and pick another."
NO_SESSION = '<p class="fine">No session is loaded.</p>'
EMPTY_AUTOENCODER = '<div class="empty">Press <b>Run Autoencoder</b> to see the selected frame reconstructed.</div>'
EMPTY_PREDICTOR = (
    '<div class="empty">Press <b>Run Predictor</b> to see the selected frame predicted from those before it. The first '
    "frame has none before it: move at least one on.</div>"
)
EMPTY_ATTENTION = (
    '<div class="empty">Press <b>Look at the selected frame</b> to see which context frames, actions and patches the '
    "predictor looks at.</div>"
)
EMPTY_WEIGHTS = (
    '<div class="empty">Press <b>Recompute</b> to see filters, position embeddings, and how the weights of both '
    "networks are distributed.</div>"
)
EMPTY_ACTIONS = (
    '<div class="empty">Whether the predictor uses the actions: its error with the true ones, with shuffled ones and '
    "with none. Looking at the frames takes some seconds; it begins when this panel is opened.</div>"
)
EMPTY_SKILL = (
    '<div class="empty">Press <b>Measure</b> to see the errors beside those of repeating the last frame and of the '
    "mean picture, and whether the right actions predict better than others.</div>"
)
EMPTY_ERRORS = (
    '<div class="empty">Press <b>Evaluate recording</b> to get the reconstruction and prediction error of every frame: '
    "drawn under the timeline, with the worst frames to jump to.</div>"
)
EMPTY_TRUTH = (
    '<div class="empty">The simulator of this recording knows the right answer to every action. Press <b>Measure</b> '
    "to see how far the predictions are from it.</div>"
)
EMPTY_ROLLOUT = (
    '<div class="empty">Press <b>Roll out</b> to imagine what was recorded after the selected frame, under the '
    "recorded actions, and see how the error grows with each step.</div>"
)
KEPT_ERRORS = (
    '<div class="empty">There are errors of this recording: they are drawn under the timeline. Open this tab anew, or '
    "choose under <b>Shown</b>, for their numbers and figures.</div>"
)
WORLD_MODEL_TEXT = (
    "Fresh networks learn in phases: to reconstruct frames, to predict the next one from the actions, then to go on "
    "from their own predictions. Some frames are held out to measure it. You can pause or stop, and resume later, also "
    "after a restart of the server."
)
WORLD_MODEL = f'<p class="fine">{WORLD_MODEL_TEXT}</p>'
MEASURING = "How long it takes is being measured. "
REPLACED_NETWORKS = (
    "<b>The present networks are replaced.</b> Their files stay in the checkpoint folder, under names with the date: "
    "choose them under Models and press Load Models to have them back."
)
ADVANCED_NOTE = (
    '<p class="fine">The standard values of this kind of model. The predictor trains with the history length set under '
    "Predictor.</p>"
)
NO_RECORDINGS = (
    "There are no recordings yet. Record a demo with the two simulated robots, or copy sessions into the data folder "
    "and press Refresh."
)
ALL_UNREADABLE = (
    '<div class="notice">The folders of the recordings cannot be read. Have their owner give the right to read them to '
    "whoever runs this server, then press Refresh.</div>"
)
TITLE = (
    "<h1>Session Explorer</h1><p>What the robot saw, what its world model makes of it, and what another action would "
    "have led to.</p>"
)


def errors_of_others(what: str) -> str:
    """The sentence above errors that are not those of the weights and history in use, but of `what`."""
    return f"The errors shown are of {escape(what)}. Press Evaluate recording for those of now."


def checkpoint_advice(prefix: str, robot: str) -> str:
    """Advice for a robot without checkpoints."""
    return (
        f'<p class="fine">There are no checkpoints of this robot yet. Train under Training, or copy '
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
        "Press Load Models to see what they know, and to go on from them when you train."
        if may_train
        else "Whoever has the link for training can load them."
    )
    return f'<p class="fine">There are checkpoints of this robot that are not in use. {todo}</p>'


def no_checkpoints_here(robot: str) -> str:
    """The same as `checkpoint_advice` for visitors who may not train or load."""
    return f'<p class="fine">There are no checkpoints of {escape(robot)} on this server.</p>'


def role_note(is_read_only: bool, may_train: bool) -> str:
    """The end of the status line: the rights of the visitor."""
    if is_read_only:
        return "read-only"
    return "weights are shared by all visitors" if may_train else "your link: look and run the networks"


def notice(problem: Exception) -> str:
    return f'<div class="notice">{escape(str(problem))}</div>'


def left_as_it_is(network: str) -> str:
    return f"<p><b>{network.capitalize()}</b> left as it is: no path was given.</p>"


def loaded(network: str, weights: str, notes: Sequence[str]) -> str:
    """The result of loading a network; `weights`: file and step."""
    text = "".join(f" {escape(note)}" for note in notes)
    return f"<p><b>{network.capitalize()}</b> loaded: {escape(weights)}.{text}</p>"


def not_loaded(network: str, problem: Exception) -> str:
    title = network.capitalize()
    return f'<div class="notice"><b>{title} not loaded.</b> {escape(str(problem))} The weights in use stay.</div>'


def result(content: str) -> str:
    return f'<div class="result">{content}</div>'
