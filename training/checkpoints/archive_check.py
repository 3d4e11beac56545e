"""Check of a checkpoint file's structure before torch opens it: nothing in the file is run, built or unpacked.

Owns the decision that a file is a plain torch archive of tensors: known names, stored and not deflated, intact; its
pickle program is checked by `pickle_check.py`. Files of torch's older kinds are recognized here, and opened by
`legacy.py` alone.
"""

import re
import struct
import zipfile
from typing import BinaryIO

from training.checkpoints.pickle_check import MAX_PROGRAM_BYTES, ForbiddenContent, PickleChecker

ENTRY = re.compile(
    r"(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|\.data/serialization_id|data/\d+)"
)
MAX_LIST_BYTES = 1 << 20  # the archive's list of entries: about 45 kB for the largest known predictor
FIRST, LAST, WIDE_LAST, WIDE_LOCATOR = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
LAST_RECORD = struct.Struct("<4s8xLLH")  # signature, bytes and start of the list of entries, bytes of a comment
WIDE_RECORDS = struct.Struct("<4s36xQQ4s16x")  # the same in 64 bits, and a second record with its position
IS_ENCRYPTED = 1
# Before its archives torch wrote pickles one after the other: a number of its own first, then the version.
OLD_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."


class NotAnArchive(ValueError):
    """The file is not an intact torch archive."""


class OldFormat(ValueError):
    """The file is of a kind that is converted before it is opened; the message names the kind."""


def check_structure(handle: BinaryIO, size: int) -> None:
    """Check an open file of `size` bytes; raises NotAnArchive, OldFormat or ForbiddenContent, or any error that a
    damaged file causes."""
    _check_ends(handle, size)
    with zipfile.ZipFile(handle) as archive:
        check_entries(archive)
        if any(entry.compress_type == zipfile.ZIP_DEFLATED for entry in archive.infolist()):
            raise OldFormat("compressed")
        folder, sizes = _stored_sizes(archive, size)
        if archive.testzip() is not None:
            raise NotAnArchive("an entry is damaged")
        checker = PickleChecker(lambda storage: sizes.get(f"{folder}/data/{storage.key}") == storage.size)
        checker.check(archive.read(f"{folder}/data.pkl"))


def _check_ends(handle: BinaryIO, size: int) -> None:
    """Raises an error unless the file is an archive from its first byte to its last, with a short list of entries."""
    # Two readers of one archive can disagree on its start and on the list that counts; with these checks they cannot.
    start_bytes = handle.read(len(OLD_START))
    if start_bytes == OLD_START:
        raise OldFormat("of torch's old format")
    handle.seek(max(0, size - LAST_RECORD.size - WIDE_RECORDS.size))
    tail = handle.read()
    signature, length, start, comment = LAST_RECORD.unpack(tail[-LAST_RECORD.size :])
    wide = tail[: -LAST_RECORD.size]
    end = size - LAST_RECORD.size
    if wide[-20:].startswith(WIDE_LOCATOR):
        wide_signature, wide_length, wide_start, _ = WIDE_RECORDS.unpack(wide)
        end -= WIDE_RECORDS.size
        if (wide_signature, wide_length, wide_start) != (WIDE_LAST, length, start):
            raise NotAnArchive("two lists of entries")
    if (start_bytes[: len(FIRST)], signature, comment, start + length) != (FIRST, LAST, 0, end):
        raise NotAnArchive("not an archive from the first byte to the last")
    if length > MAX_LIST_BYTES:
        raise ForbiddenContent("far more entries than weights need")


def check_entries(archive: zipfile.ZipFile) -> None:
    """Raises NotAnArchive or ForbiddenContent unless the names are those of a torch archive, each present once."""
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    folders = {name.split("/")[0] for name in names}
    if len(names) != len(entries) or len(folders) != 1 or f"{next(iter(folders))}/data.pkl" not in names:
        raise NotAnArchive("names are not those of a torch archive")
    for entry in entries:
        if not ENTRY.fullmatch(entry.filename.partition("/")[2]):
            raise ForbiddenContent("an entry that is not of a torch archive of weights")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & IS_ENCRYPTED:
            raise ForbiddenContent("an encrypted entry, or one compressed in an unusual way")


def _stored_sizes(archive: zipfile.ZipFile, size: int) -> tuple[str, dict[str, int]]:
    """The folder in the archive, and the size in bytes of every entry by name."""
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    folder = next(iter(sizes)).split("/")[0]
    if sum(sizes.values()) > size or sizes[f"{folder}/data.pkl"] > MAX_PROGRAM_BYTES:
        raise ForbiddenContent("entries larger than they can be")
    return folder, sizes
