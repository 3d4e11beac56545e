"""Files of a dataset: their numbers, and the sizes at which the next one begins."""

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """LeRobot's own: a file takes no further episode that would make it larger, and a folder no further file."""

    data_bytes: int = 100 * MEGABYTE
    video_bytes: int = 200 * MEGABYTE
    files_in_chunk: int = 1000


@dataclass(frozen=True)
class FileNumber:
    """A file by the number of its folder, ``chunk``, and its number there."""

    chunk: int = 0
    file: int = 0

    def following(self, files_in_chunk: int) -> "FileNumber":
        """The number of the next file."""
        is_last = self.file == files_in_chunk - 1
        return FileNumber(self.chunk + 1, 0) if is_last else FileNumber(self.chunk, self.file + 1)

    @property
    def fields(self) -> dict[str, int]:
        """The fields of a template of paths."""
        return {"chunk_index": self.chunk, "file_index": self.file}


def is_full(size: int, rows: int, more_rows: int, limit: int) -> bool:
    """True if a file of ``size`` bytes with ``rows`` rows would reach the limit with more rows of the same size."""
    return rows > 0 and size + size / rows * more_rows >= limit
