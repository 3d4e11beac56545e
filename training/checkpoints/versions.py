"""The versions of a robot's checkpoints that runs have replaced: how they are described on disk, and their list.

Each is a folder in `history/` with the files of both networks, as far as there were any, and a `version.json`. Files
beside the checkpoints that older programs have kept, such as `autoencoder_backup.pth`, are versions of one file.
"""

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from models import Network
from session.files import open_folder, open_regular, read_at_most, write_file
from training.checkpoints.errors import CheckpointNotFound
from training.checkpoints.manifest import Origin, file_digest, read_state, saved_origin
from training.checkpoints.paths import FILES
from training.values import printable

HISTORY_FOLDER, VERSION_FILE = "history", "version.json"
MAX_BYTES = 1 << 20
VERSION_NAME = re.compile(r"\d{8}_\d{6}(_\d+)?")
OLD_NAME = re.compile(r"(autoencoder|predictor_0)_(backup|original|\d{8}_\d{6}(_\d+)?)\.pth")


@dataclass(frozen=True)
class KeptFile:
    """A network's file in a version: its origin, its size in bytes, and when it was saved (ISO 8601, local time)."""

    origin: Origin
    size: int
    saved: str


@dataclass(frozen=True)
class Version:
    """Checkpoints of a robot at one time, `kept` (ISO 8601, local time) for a `reason`.

    `name` is that of its folder, or of a single file beside the checkpoints. `is_permanent`: a file in it was not saved
    by this program, such as a shipped one, so it is never removed. `is_best`: it was kept within a run, because its
    held-out loss was lower than that of the next save.
    """

    name: str
    kept: str
    reason: str
    files: dict[Network, KeptFile]
    is_permanent: bool = False
    is_best: bool = False
    random_state: str = ""

    @property
    def digests(self) -> dict[Network, str]:
        """The digests of its files."""
        return {network: one.origin.digest for network, one in self.files.items()}

    @property
    def newest(self) -> KeptFile:
        """The file that was saved last, the predictor's if both were."""
        return max(self.files.items(), key=lambda item: (item[1].saved, item[0]))[1]

    @property
    def measured(self) -> Origin | None:
        """The origin of the newest file whose loss is known, or None."""
        known = [(file.saved, network) for network, file in self.files.items() if file.origin.loss is not None]
        return self.files[max(known)[1]].origin if known else None

    @property
    def best_of(self) -> tuple[str, str] | None:
        """The run and phase that it is the best of, or None."""
        measured = self.measured if self.is_best else None
        return measured and (measured.run, measured.loss.phase)

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files.values())

    def is_in_use(self, directory: Path) -> bool:
        """True if its files are those that were saved or restored last."""
        saved = read_state(directory).get("digests", {})
        return all(saved.get(FILES[network]) == digest for network, digest in self.digests.items())

    def path(self, directory: Path, network: Network) -> Path:
        """The file of one of its networks; `directory` is the robot's."""
        is_folder = VERSION_NAME.fullmatch(self.name) is not None
        return directory / HISTORY_FOLDER / self.name / FILES[network] if is_folder else directory / self.name


def list_versions(directory: Path) -> list[Version]:
    """The versions of a robot's checkpoints, newest first; single files of older programs last."""
    kept = versions_in_history(directory)
    return kept + _single_files(directory, kept)


def find_version(directory: Path, name: str) -> Version:
    """The version of that name; raises CheckpointNotFound."""
    for version in list_versions(directory):
        if version.name == name:
            return version
    if not name:
        raise CheckpointNotFound("Choose a version in the list of the checkpoint history; it may be empty yet.")
    raise CheckpointNotFound(
        f"There is no version {printable(name)} in the checkpoint history; choose one in the list."
    )


def versions_in_history(directory: Path) -> list[Version]:
    """Those with a folder, newest first."""
    names = sorted((path.name for path in version_folders(directory)), key=version_order, reverse=True)
    return [version for name in names if (version := _read_version(directory, name)) is not None]


def version_folders(directory: Path) -> list[Path]:
    """The folders of versions in a robot's history, in any order."""
    try:
        return [path for path in (directory / HISTORY_FOLDER).iterdir() if VERSION_NAME.fullmatch(path.name)]
    except OSError:
        return []


def version_order(name: str) -> tuple[int, ...]:
    """The numbers of a version's name, which order versions by age: date, time, and a number within a second."""
    return tuple(int(number) for number in name.split("_"))


def known_origin(path: Path, digest: str) -> Origin:
    """The origin of a checkpoint or of a file of the history, whose contents have this digest; the digest alone if it
    is unknown."""
    if path.parent.parent.name != HISTORY_FOLDER:
        return saved_origin(path, digest)
    version = _read_version(path.parent.parent.parent, path.parent.name)
    kept = version.files.values() if version else ()
    return next((file.origin for file in kept if file.origin.digest == digest), Origin(digest))


def write_version(folder: Path, version: Version) -> None:
    """Write the description of a version into its folder; raises OSError."""
    content = json.dumps({name: value for name, value in asdict(version).items() if name != "name"})
    write_file(folder / VERSION_FILE, content.encode(), is_new=True, is_synced=True)


def _read_version(directory: Path, name: str) -> Version | None:
    """A version of the history with those of its files that are there; None if it has none, or no valid description."""
    folder = directory / HISTORY_FOLDER / name
    if folder.is_symlink():
        return None
    try:
        with open_folder(folder) as opened, open_regular(opened, VERSION_FILE) as file:
            content = json.loads(read_at_most(file, MAX_BYTES))
        files: dict[Network, KeptFile] = {
            network: KeptFile(Origin.read(content["files"][network]["origin"]), path.stat().st_size, str(saved))
            for network, path in ((network, folder / file) for network, file in FILES.items())
            if network in content["files"] and _is_own_file(path)
            for saved in (datetime.fromisoformat(content["files"][network]["saved"]).isoformat(timespec="seconds"),)
        }
        flags = {key: content[key] is True for key in ("is_permanent", "is_best")}
        kept = datetime.fromisoformat(content["kept"]).isoformat(timespec="seconds")
        reason, random_state = printable(str(content["reason"])), str(content["random_state"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return Version(name, kept, reason, files, random_state=random_state, **flags) if files else None


def _single_files(directory: Path, kept: list[Version]) -> list[Version]:
    """Files beside the checkpoints that are kept nowhere else."""
    try:
        paths = sorted(path for path in directory.iterdir() if OLD_NAME.fullmatch(path.name))
    except OSError:
        return []
    return [version for path in paths if (version := _single_file(path, kept)) is not None]


def _single_file(path: Path, kept: list[Version]) -> Version | None:
    """The file as a version, unless it is in the history or in use, or an earlier save of a run that is."""
    network: Network = "autoencoder" if path.name.startswith("autoencoder") else "predictor"
    try:
        if not _is_own_file(path) or _is_linked_elsewhere(path, network, kept):
            return None
        saved, size, origin = saved_time(path), path.stat().st_size, saved_origin(path, file_digest(path))
    except OSError:
        return None
    others = [one.files[network].origin for one in kept if network in one.files] + [_in_use(path.parent, network)]
    if any(one.digest == origin.digest or (one.run and one.run == origin.run) for one in others):
        return None
    is_permanent = path.stem.endswith("_original")
    return Version(path.name, saved, f"kept as {path.name}", {network: KeptFile(origin, size, saved)}, is_permanent)


def _is_linked_elsewhere(path: Path, network: Network, kept: list[Version]) -> bool:
    """True if the file is that of a version, or the network's checkpoint: its bytes need not be read."""
    places = [one.path(path.parent, network) for one in kept if network in one.files]
    return any(_is_own_file(one) and one.samefile(path) for one in (*places, path.with_name(FILES[network])))


def _in_use(directory: Path, network: Network) -> Origin:
    """The origin of the network's checkpoint, as it was saved."""
    digest = read_state(directory).get("digests", {}).get(FILES[network], "")
    return saved_origin(directory / FILES[network], digest)


def saved_time(path: Path) -> str:
    """When a file was written, ISO 8601, local time."""
    return datetime.fromtimestamp(path.stat().st_mtime).isoformat(timespec="seconds")


def _is_own_file(path: Path) -> bool:
    """True for an ordinary file; a link could lead out of the folder."""
    return path.is_file() and not path.is_symlink()
