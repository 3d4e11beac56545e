"""The report on a data folder."""

import pytest

from session.doctor.__main__ import main
from session.formats.adoption import FILE
from tests.session.session_files import events_of, write_session

ZIP = b"PK\x03\x04" + bytes(96)


@pytest.fixture
def data(tmp_path):
    write_session(tmp_path / "sessions" / "jetbot" / "good", events_of("oao"))
    (tmp_path / "checkpoints" / "jetbot").mkdir(parents=True)
    (tmp_path / "checkpoints" / "jetbot" / "autoencoder.pth").write_bytes(ZIP)
    return tmp_path


def report_of(data, capsys):
    code = main(["--data", str(data)])
    return code, capsys.readouterr().out


def test_a_whole_data_folder_has_nothing_to_report(data, capsys):
    code, report = report_of(data, capsys)
    assert code == 0 and "1 listed, 1 opened, 1 of them with nothing to report\n\nCheckpoints" in report
    assert "checkpoints/jetbot/autoencoder.pth: ok, 100 bytes" in report
    assert "Session Explorer 0." in report and "torch 2." in report and str(data) not in report


def test_all_that_is_damaged_or_unknown_is_named(data, capsys):
    folder = write_session(data / "sessions" / "jetbot" / "poor", events_of("oaoao"))
    (folder / "frames" / "frame_000002.jpg").unlink()
    (data / "sessions" / "notes").mkdir()
    checkpoints = data / "checkpoints" / "jetbot"
    (checkpoints / "predictor_0.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (checkpoints / "other.pth").write_bytes(b"")
    (checkpoints / "robot.json").write_text('{"robot": ')
    (data / FILE).write_text("[]")
    (data / "marks.json").write_text("{")
    code, report = report_of(data, capsys)
    assert code == 1 and "2 listed, 2 opened, 1 of them" in report
    assert "jetbot/poor (2 frames, 2 actions)\n      " in report and "frame_000002.jpg" in report
    assert "notes: no recording of a known format" in report
    assert "predictor_0.pth: DAMAGED, is a pointer of Git LFS" in report
    assert "other.pth: DAMAGED, it does not begin as torch.save writes" in report
    assert "robot.json: DAMAGED, it is no JSON" in report and f"{FILE}: DAMAGED, it is no JSON object" in report
    assert "marks.json: DAMAGED, it is no JSON" in report


def test_what_made_a_checkpoint_is_said(data, capsys):
    checkpoints = data / "checkpoints" / "jetbot"
    (checkpoints / "state.json").write_text(
        '{"digests": {}, "files": {"autoencoder.pth": {"made_by": "training \\u202e", "recordings": ["jetbot/good"],'
        ' "recording_count": 3, "code": "0.9.0"}, "predictor_0.pth": {"made_by": ""}}}'
    )
    code, report = report_of(data, capsys)
    made = "checkpoints/jetbot/autoencoder.pth: from training ?, 3 recordings (jetbot/good), code 0.9.0\n"
    assert code == 0 and made in report
    assert "predictor_0.pth: from a run that is not known, code not known\n" in report
    for damaged in ('{"files": 3}', '{"files": {"a": 3}}', "[]", "{}"):
        (checkpoints / "state.json").write_text(damaged)
        assert "autoencoder.pth: ok" in report_of(data, capsys)[1]


def test_an_empty_folder_is_no_damage(tmp_path, capsys):
    assert report_of(tmp_path, capsys)[0] == 0
