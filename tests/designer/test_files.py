"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from designer.errors import DiskError
from designer.files import disk_error, link_or_copy, write_atomically


def test_file_is_written_with_its_folders(tmp_path):
    write_atomically(tmp_path / "a" / "b.txt", "grün")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "grün".encode()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_durable_file_and_its_folder_are_on_the_disk_and_another_waits_for_nothing(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(os.fstat(descriptor).st_ino))
    write_atomically(tmp_path / "result", "kept")
    assert seen == [(tmp_path / "result").stat().st_ino, tmp_path.stat().st_ino]
    write_atomically(tmp_path / "input", "made anew", durable=False)
    assert len(seen) == 2
    assert (tmp_path / "input").read_text() == "made anew"


def test_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "inside").write_text("old")
    with pytest.raises(DiskError, match="b can't be written"):
        write_atomically(tmp_path / "b", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b" / "inside").read_text() == "old"


def test_place_under_a_file_is_a_disk_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="file/x can't be written"):
        write_atomically(tmp_path / "file" / "x", "")


def test_full_and_read_only_disks_say_what_to_do(tmp_path):
    full = disk_error(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert "the disk is full" in str(full)
    assert "Free some space" in str(full)
    read_only = disk_error(tmp_path, OSError(errno.EROFS, os.strerror(errno.EROFS)))
    assert "read-only" in str(read_only)
    assert "--runs" in str(read_only)


def test_link_shares_the_content(tmp_path):
    (tmp_path / "a").write_text("policy")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")


def test_file_is_copied_where_no_link_can_be_made(tmp_path):
    other = os.open("/dev/shm", os.O_RDONLY) if os.path.isdir("/dev/shm") else None
    if other is None or os.fstat(other).st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    os.close(other)
    original = tmp_path / "a"
    original.write_text("policy")
    copy = type(original)(f"/dev/shm/designer-test-{os.getpid()}")
    try:
        link_or_copy(original, copy)
        assert copy.read_text() == "policy"
    finally:
        copy.unlink(missing_ok=True)


def test_missing_original_is_a_disk_error(tmp_path):
    with pytest.raises(DiskError, match="No such file"):
        link_or_copy(tmp_path / "none", tmp_path / "b")
