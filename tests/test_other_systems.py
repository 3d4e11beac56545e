"""Modules of the standard library, and flags, that only some systems have: each is used in one place, and may lack."""

import importlib.util
import os
import sys

import gradio  # noqa: F401  (it has its own ways without these modules)
import pytest

from tests.test_policy import ROOT, SOURCES, imports, name_of

MAY_LACK = {
    "session/files.py": "fcntl",
    "training/checkpoints/folder.py": "resource",
    "page/server/launch.py": "resource",
}
ONLY_UNIX = {"fcntl", "resource", "pty", "termios", "pwd", "grp", "syslog", "readline"}
FLAGS = ("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC")


def without(monkeypatch: pytest.MonkeyPatch, path: str) -> object:
    """A second copy of a module, run where those modules and flags lack."""
    for name in ONLY_UNIX:
        monkeypatch.setitem(sys.modules, name, None)  # its import fails
    for name in FLAGS:
        monkeypatch.delattr(os, name)
    spec = importlib.util.spec_from_file_location(f"copy_of_{path.replace('/', '_')[:-3]}", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_modules_of_some_systems_are_imported_where_they_may_lack():
    users = {name_of(path): imports(path) & ONLY_UNIX for path in SOURCES}
    assert {name: found for name, found in users.items() if found} == {name: {lib} for name, lib in MAY_LACK.items()}
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in SOURCES}
    assert [name for name, text in texts.items() if any(f"os.{flag}" in text for flag in FLAGS)] == []
    assert [name for name, text in texts.items() if "signal.SIGHUP" in text] == []


def test_files_are_opened_written_and_locked_without_them(monkeypatch, tmp_path, caplog):
    files = without(monkeypatch, "session/files.py")
    files.replace_file(tmp_path / "file", b"content")
    with files.open_folder(tmp_path) as folder, files.open_regular(folder, "file") as file:
        assert files.read_at_most(file, 100) == b"content"
        assert files.lock_file(file) and files.lock_file(file)
    assert [one.message for one in caplog.records] == [files.NO_LOCKS]
    with pytest.raises(files.NotRegularFile):
        files.open_file(tmp_path)


def test_the_sizes_of_disk_and_file_are_known_without_them(monkeypatch, tmp_path):
    folder = without(monkeypatch, "training/checkpoints/folder.py")
    folder.require_free_space(tmp_path, 1)
    assert folder.largest_file() == folder.UNLIMITED
    assert "disk full: need 1.0 kB" in folder.describe_os_error(OSError(28, "No space left"), tmp_path, 1000)


def test_a_server_starts_without_them(monkeypatch):
    without(monkeypatch, "page/server/launch.py").allow_many_connections()
