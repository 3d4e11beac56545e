"""What can be wrong with a checkpoint, each kind with one sentence for the person who chose the file.

Messages name the file, never its folder: they reach visitors. All text that comes from a file or a visitor goes
through `printable`.
"""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message says why and, after a semicolon, what to do. The model in use is
    untouched."""

    def reason(self) -> str:
        """The first part of the message: what is wrong, without what to do."""
        return str(self).partition("; ")[0]


class CheckpointNotFound(CheckpointError):
    """No checkpoint there, or none that a visitor may name: the same words for both."""


class CheckpointDamaged(CheckpointError):
    """No checkpoint at all, a damaged one, or one that holds other things than weights."""


class CheckpointOldFormat(CheckpointError):
    """A file that is perhaps whole, of a kind that is converted first."""


class WrongNetwork(CheckpointError):
    """A file of the other network."""


class CheckpointKeysDiffer(CheckpointError):
    """Names of weights are missing or unexpected."""


class CheckpointShapesDiffer(CheckpointError):
    """Weights of another size, or for another number of action channels."""


class CheckpointConfigDiffers(CheckpointShapesDiffer):
    """The file's config is that of another network than the one in use, or of none that this program has."""


class CheckpointNotFinite(CheckpointError):
    """Weights that are no ordinary numbers, or not finite."""


class CheckpointNotSaved(CheckpointError):
    """A checkpoint could not be written; the one that was there before still is."""
