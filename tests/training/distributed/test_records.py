"""What processes say to each other at an agreement, and how one process alone agrees with itself."""

import pytest
import torch

from training.distributed import Group
from training.distributed.processes import RECORD_BYTES, Record
from training.values import InvalidValue


def test_a_record_arrives_as_it_was_and_a_long_message_is_cut():
    for record in (Record(), Record("stopped"), Record("", "SessionError", "Frame 3 cannot be read: 日本.")):
        assert Record.unpack(record.pack()) == record
    cut = Record.unpack(Record("", "ValueError", "lines\nand " + "日" * 999).pack())
    assert cut.kind == "ValueError" and cut.message.startswith("lines and 日") and 150 < len(cut.message) < RECORD_BYTES


def test_one_process_alone_decides_by_itself_and_sends_nothing():
    group, numbers = Group(), torch.ones(2)
    group.add(numbers)
    group.agree()
    assert numbers.tolist() == [1, 1] and group.is_first and group.describe() == ""
    assert group.from_first(b"all") == b"all" and group.agreed("stopped") == "stopped"
    assert group.first_then_others(lambda: 5) == 5
    group.require_same("text", "never")
    with pytest.raises(InvalidValue, match="own"), group.together():
        raise InvalidValue("own")
