import os

import pytest

from session.files import NotRegularFile, lock_file, open_file, open_folder, open_regular, replace_file, write_file


def test_only_regular_files_are_opened_and_none_of_the_others_blocks(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("folder", "pipe"):
        with pytest.raises(NotRegularFile):
            open_file(tmp_path / name)
    with pytest.raises(OSError):
        open_file(tmp_path / "link")
    assert len(os.listdir("/proc/self/fd")) == before
    file = open_file(tmp_path / "link", follows_links=True)
    assert os.read(file, 100) == b"content"
    os.close(file)


def test_a_file_is_opened_relative_to_a_folder(tmp_path):
    write_file(tmp_path / "file", b"content")
    with open_folder(tmp_path) as folder, open_regular(folder, "file") as file:
        assert os.read(file, 100) == b"content"


def test_a_lock_excludes_others_until_it_is_closed_and_readers_share_it(tmp_path):
    files = [open_file(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(3)]
    assert lock_file(files[0])
    assert not lock_file(files[1]) and not lock_file(files[2], is_shared=True)
    os.close(files[0])
    assert lock_file(files[1], is_shared=True) and lock_file(files[2], is_shared=True, is_blocking=True)
    os.close(files[1])
    assert lock_file(files[2], is_blocking=True)
    os.close(files[2])


def test_a_new_file_never_replaces_another(tmp_path):
    write_file(tmp_path / "file", b"old", is_new=True)
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "file", b"new", is_new=True)
    assert (tmp_path / "file").read_bytes() == b"old"
    write_file(tmp_path / "file", b"new", is_synced=True)
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("is_synced", [True, False])
def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch, is_synced):
    replace_file(tmp_path / "file", b"old", is_synced)
    real_write = os.write

    def write_a_byte_and_fail(file: int, content: bytes) -> int:
        real_write(file, content[:1])
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_a_byte_and_fail)
        with pytest.raises(OSError, match="disk full"):
            replace_file(tmp_path / "file", b"new", is_synced)
    assert (tmp_path / "file").read_bytes() == b"old"
    replace_file(tmp_path / "file", b"new", is_synced)
    assert (tmp_path / "file").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]
