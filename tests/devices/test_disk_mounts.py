from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskwire.devices import disk as mounts
from deskwire.devices.disk import parse_mount_number, parse_type, root_never_blocks

MOUNTINFO = b"""\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
31 27 0:40 / /home rw,relatime shared:2 master:1 - nfs4 server:/home rw,hard
2 27 0:40 / /\xe9 rw - fuse.sshfs ann@server: rw
40 27 0:50 / / rw,relatime - tmpfs over rw
short line
"""


@pytest.mark.parametrize(
    ("number", "kind"),
    [(b"27", "ext4"), (b"31", "nfs4"), (b"2", "fuse.sshfs"), (b"40", "tmpfs"), (b"3", "")],
)
def test_a_mount_is_found_by_its_number(number: bytes, kind: str) -> None:
    assert parse_type(number, MOUNTINFO) == kind


def test_mount_number_is_parsed_from_fdinfo() -> None:
    assert parse_mount_number(b"pos:\t0\nflags:\t012000000\nmnt_id:\t27\nino:\t2\n") == b"27"
    assert parse_mount_number(b"pos:\t0\n") == b""


@given(st.binary(), st.binary())
def test_any_table_is_read(fdinfo: bytes, mountinfo: bytes) -> None:
    parse_type(parse_mount_number(fdinfo), mountinfo)


@pytest.mark.parametrize(
    ("kind", "at_once"),
    [
        *[("ext4", True), ("btrfs", True), ("tmpfs", True)],
        *[("nfs4", False), ("9p", False), ("fuse.sshfs", False), ("autofs", False)],
        *[("overlay", False), ("xfs", False), ("zfs", False), ("", False)],
    ],
)
def test_a_root_that_may_keep_one_waiting_does_not_answer_at_once(
    kind: str, at_once: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_SELF", tmp_path)
    monkeypatch.setattr(mounts, "parse_mount_number", lambda _: b"27")
    monkeypatch.setattr(Path, "read_bytes", lambda _: f"27 1 8:2 / / rw - {kind} x rw".encode())

    assert root_never_blocks() == at_once


def test_root_of_this_machine_matches_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [
        line.partition(" - ")[2].split()[0]
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        if line.split()[4] == "/"
    ]

    monkeypatch.setattr(mounts, "NON_BLOCKING_TYPES", frozenset(kinds))
    known = root_never_blocks()
    monkeypatch.setattr(mounts, "NON_BLOCKING_TYPES", frozenset())

    assert known
    assert not root_never_blocks()


def test_where_the_kernel_says_nothing_a_root_is_not_known_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_SELF", tmp_path)

    assert not root_never_blocks()
