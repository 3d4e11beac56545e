"""The tabs of the page. Each module builds its components as a typed record (`build`), defines their content
without a recording (`cleared`), and makes the HTML of its results."""

from page.tabs import accuracy, actions, attention, errors, imagine, networks, recording, statistics, training, weights

__all__ = [
    "accuracy",
    "actions",
    "attention",
    "errors",
    "imagine",
    "networks",
    "recording",
    "statistics",
    "training",
    "weights",
]
