"""What the container files promise: files that exist, options that are taken, a check that answers without a key."""

import json
import re
import urllib.request
from pathlib import Path

import pytest

from page.server.access_policy import AccessPolicy
from page.server.settings import parse_command_line

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
KEY = "a-key-of-our-own-1"


def steps(name: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in LINES if line.startswith(f"{name} ")]


def test_the_image_installs_files_that_are_there_and_starts_with_options_that_are_taken(tmp_path):
    installed = re.findall(r"-r (\S+)", " ".join(steps("RUN")))
    assert len(installed) == 3 and all((ROOT / name).is_file() for name in installed)
    program, script, *options = json.loads(steps("ENTRYPOINT")[0])
    assert program == "python" and (ROOT / script).is_file()
    settings = parse_command_line([str(tmp_path) if one == "/data" else one for one in options])
    assert settings.data == tmp_path and not settings.browser and settings.host == "0.0.0.0"
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not {"page", "session", "models", "training", "saved", script} & set(ignored)


def test_the_check_of_health_answers_without_a_key(server: str):
    path = re.search(r"http://127\.0\.0\.1:7860(/\S*?)'", " ".join(steps("HEALTHCHECK"))).group(1)
    assert urllib.request.urlopen(server.rstrip("/") + path).status == 200


def test_keys_of_the_environment_are_taken_if_they_are_hard_to_guess(monkeypatch, capsys):
    monkeypatch.setenv("SESSION_EXPLORER_TRAIN_KEY", KEY)
    settings = parse_command_line([])
    keys = AccessPolicy(settings).keys
    assert keys.role_of(KEY) == "train" and len(keys.look) > 20 and KEY not in repr(settings)
    for look, told in ((KEY, "must differ"), ("short", "16 to 200"), ("with a space in it all", "16 to 200")):
        monkeypatch.setenv("SESSION_EXPLORER_LOOK_KEY", look)
        with pytest.raises(SystemExit):
            parse_command_line([])
        assert told in capsys.readouterr().err
