"""Errors of checkpoints, each with one sentence for the person who chose the file.

Messages name the file, never its folder: they reach visitors. All text that comes from a file or a visitor passes
through `printable`.
"""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used. The message states the reason and, after a semicolon, a remedy; the model in
    use is untouched."""

    def reason(self) -> str:
        """The first part of the message: the reason without the remedy."""
        return str(self).partition("; ")[0]


class CheckpointNotFound(CheckpointError):
    """No checkpoint of this name, or none that a visitor may name: the same message for both."""


class CheckpointDamaged(CheckpointError):
    """A damaged checkpoint, another kind of file, or one that holds other things than weights."""


class CheckpointOldFormat(CheckpointError):
    """A file of an older kind, perhaps intact, that must be converted first."""


class WrongNetwork(CheckpointError):
    """A file of the other network."""


class CheckpointKeysDiffer(CheckpointError):
    """Names of weights are missing or unexpected."""


class CheckpointShapesDiffer(CheckpointError):
    """Weights of another size, or for another number of action channels."""


class CheckpointConfigDiffers(CheckpointShapesDiffer):
    """The file's config states another network than the one in use, or none of this program."""


class CheckpointNotFinite(CheckpointError):
    """Weights that are not real numbers, or not finite."""


class CheckpointNotSaved(CheckpointError):
    """A checkpoint could not be written; the previous one is still there."""
