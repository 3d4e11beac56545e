"""What the container files promise: files that exist, options that are taken, a check that answers without a key."""

import json
import re
import shlex
import urllib.request
from pathlib import Path

import pytest

from page.server.access_policy import AccessPolicy
from page.server.settings import parse_command_line

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "space"
KEY = "a-key-of-our-own-1"


def steps(name: str, file: Path = ROOT / "Dockerfile") -> list[str]:
    lines = file.read_text().replace("\\\n", " ").splitlines()
    return [line.split(" ", 1)[1] for line in lines if line.startswith(f"{name} ")]


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


def test_a_space_gets_all_that_its_files_ask_for_and_shows_the_demo_to_everybody():
    archived = re.search(r"git archive HEAD (.*?) \|", (ROOT / "Makefile").read_text()).group(1).split()
    assert {"page", "session", "models", "training", "saved", "requirements.txt"} <= set(archived)
    assert all((ROOT / name).exists() for name in archived)
    (command,) = steps("CMD", SPACE / "Dockerfile")
    words = shlex.split(command.replace("${SPACE_HOST:-localhost}", "me-explorer.hf.space"))
    assert words[:4] == ["exec", "env", "--unset=SYSTEM", "python"] and words[4] in archived
    settings = parse_command_line(words[5:])
    assert settings.read_only and settings.open and settings.names == ("me-explorer.hf.space",)
    assert settings.framed_by == ("https://huggingface.co",) and settings.host == "0.0.0.0" and not settings.browser
    assert str(settings.data) in archived and "--uid 1000" in " ".join(steps("RUN", SPACE / "Dockerfile"))
    front = dict(re.findall(r"^(\w+): (.+)$", (SPACE / "README.md").read_text().split("---")[1], re.M))
    assert front["sdk"] == "docker" and front["app_port"] == str(settings.port) and front["license"] == "mit"
    assert len(front["short_description"]) <= 60  # a longer one is refused
    large = {path.suffix for path in (ROOT / "saved").rglob("*.*") if path.suffix in (".pth", ".jpg", ".png", ".mp4")}
    tracked = {line.split()[0].lstrip("*") for line in (SPACE / ".gitattributes").read_text().splitlines()}
    assert large <= tracked  # by Git LFS: a Space refuses other binary files


@pytest.mark.parametrize("site", ["huggingface.co", "https://a.example/path", "https://a.example; script-src *", "*"])
def test_a_site_that_may_show_the_page_is_named_by_its_origin(site, capsys):
    with pytest.raises(SystemExit):
        parse_command_line(["--allow-frame", site])
    assert "give a site as https://NAME" in capsys.readouterr().err
