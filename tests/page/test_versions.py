from dataclasses import replace

from page.versions import NOT_KNOWN, origin_text, version_label
from tests.cases import every_case
from training import Version
from training.checkpoints.manifest import MeasuredLoss, Origin
from training.checkpoints.versions import KeptFile

CODE = "0.9.0 (1a2b3c4d5e6f)"
MADE_BY = "training a world model on 3 JetBot recordings"
AUTOENCODER = KeptFile(Origin("a", 1500, MADE_BY), 8_700_000, "2026-11-27T21:10:03")
PREDICTOR = KeptFile(
    Origin("b", 3800, MADE_BY, "2026", MeasuredLoss(0.00123, True, "rollout")), 12_000_000, "2026-11-27T21:10:04"
)
SEVERAL = ("jetbot/a", "jetbot/b", "jetbot/c", "jetbot/d")
KNOWN = replace(PREDICTOR.origin, log="x_predictor.jsonl", recordings=SEVERAL, recording_count=44, code=CODE)
SHIPPED = KeptFile(Origin("c", 700), 980, "2026-01-02T03:04:05")
BOTH = {"autoencoder": AUTOENCODER, "predictor": PREDICTOR}


@every_case(
    "version, is_in_use, label",
    [
        (
            Version("20261128_080000", "2026-11-28T08:00:00", "before training the predictor on frame 8", BOTH),
            True,
            f"2026-11-27 21:10 · {MADE_BY} · autoencoder step 1,500, predictor step 3,800 · validation loss 1.23e-3 · "
            "20.7 MB · in use",
        ),
        (
            Version("20260102_030405", "2026-01-02T03:04:05", "before a save", {"autoencoder": SHIPPED}, True),
            False,
            "2026-01-02 03:04 · shipped with the project · autoencoder step 700 · 980 B",
        ),
        (
            Version("20260102_030405", "2026-01-02T03:04:05", "before Save Models", {"autoencoder": SHIPPED}),
            False,
            "2026-01-02 03:04 · autoencoder step 700 · 980 B · before Save Models",
        ),
        (
            Version("predictor_0_backup.pth", "", "kept as predictor_0_backup.pth", {
                "predictor": KeptFile(Origin(""), 1_000, "2025-10-14T09:00:00")
            }),
            False,
            "2025-10-14 09:00 · predictor · 1.0 kB · kept as predictor_0_backup.pth",
        ),
    ],
)  # fmt: skip
def test_a_version_is_one_line(version, is_in_use, label):
    assert version_label(version, is_in_use) == label
    named = version_label(version, is_in_use, "long run").split(" · ")
    assert named.pop(1) == "long run" and " · ".join(named) == label


def test_the_origin_of_a_checkpoint_names_run_recordings_and_code():
    recordings, files = "jetbot/a, jetbot/b, jetbot/c and 41 more", {"predictor": replace(PREDICTOR, origin=KNOWN)}
    assert origin_text(KNOWN) == f"{MADE_BY} · {recordings} · run x_predictor.jsonl · code {CODE}"
    label = version_label(Version("20261128_080000", "", "before", files), False)
    assert f"{MADE_BY} · {recordings} · predictor step 3,800" in label and label.endswith(f"12.0 MB · code {CODE}")
    assert origin_text(Origin("a", 5)) == NOT_KNOWN
