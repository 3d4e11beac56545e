"""The line on top of the page, and what there is to load for the robot of the recording."""

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.facts import status_line
from page.tabs.errors import evaluation_line
from page.tabs.training import job_line
from page.visitor import Visitor
from session import RobotProfile


def describe_status(explorer: PageBackend, visitor: Visitor) -> str:
    """The line on top of the page; asked for every two seconds by every visible page, so it opens no file."""
    device = str(explorer.device).upper()
    note = messages.role_note(explorer.is_read_only, visitor.may_train)
    if visitor.profile is None:
        return status_line(device, "none yet", {}, note)
    manager = explorer.manager_for(visitor)
    weights = manager.shared.weights
    told = {network.capitalize(): weights[network].describe() for network in ("autoencoder", "predictor")}
    told["Training"] = job_line(manager.snapshot())
    if evaluation := evaluation_line(explorer.evaluator.snapshot()):
        told["Evaluating"] = evaluation
    others = [job for name, job in explorer.active_jobs() if name != visitor.profile.name]
    told |= {f"Also, {job.subject}": job_line(job) for job in others}
    return status_line(device, visitor.profile.title, told, note)


def checkpoint_choices(explorer: PageBackend, profile: RobotProfile) -> list[gr.Dropdown]:
    """For each network the files to choose from, and the usual one chosen."""
    return [gr.Dropdown(choices=choices, value=value) for choices, value in explorer.checkpoint_menu(profile)]


def checkpoint_advice(explorer: PageBackend, visitor: Visitor, profile: RobotProfile) -> str:
    """What to do about checkpoints before anything can be seen of them; empty where there is nothing to do."""
    if explorer.has_checkpoints(profile):
        weights = explorer.manager_for(visitor).shared.weights
        is_any_used = explorer.is_read_only or any(used.is_trained for used in weights.values())
        return "" if is_any_used else messages.load_first(visitor.may_train)
    if not visitor.may_train:
        return messages.no_checkpoints_here(profile.title)
    return messages.checkpoint_advice(explorer.checkpoint_prefix, profile.name)
