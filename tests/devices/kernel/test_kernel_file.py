from pathlib import Path

import pytest

from deskwire.devices.kernel.kernel_file import KernelFile
from deskwire.model.problems import DeviceUnavailable


def test_each_read_returns_the_current_content(tmp_path: Path) -> None:
    path = tmp_path / "counter"
    path.write_text("1")
    with KernelFile(path) as file:
        first = file.read()
        path.write_text("2")

        assert (first, file.read()) == (b"1", b"2")


def test_a_plain_file_may_be_replaced_by_another(tmp_path: Path) -> None:
    path, other = tmp_path / "counter", tmp_path / "other"
    path.write_text("1")
    other.write_text("2")
    with KernelFile(path) as file:
        other.replace(path)
        replaced = file.read()
        path.unlink()
        with pytest.raises(DeviceUnavailable):
            file.read_whole()

    assert replaced == b"2"


def test_the_kernels_own_file_is_opened_once() -> None:
    with KernelFile(Path("/proc/version")) as file:
        first = file.read()
        file.path = Path("/nowhere")

        assert file.read_whole() == first != b""


def test_a_reading_is_how_a_long_file_begins(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 10_000)
    with KernelFile(tmp_path / "long") as file:
        assert file.read() == b"x" * 4096


def test_a_whole_reading_joins_the_pieces_of_a_long_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 50
    (tmp_path / "long").write_bytes(content)
    with KernelFile(tmp_path / "long") as file:
        assert file.read_whole() == content


def test_missing_file_error_has_path_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailable) as raised:
        KernelFile(tmp_path / "stat")

    assert str(raised.value) == f"{tmp_path}/stat cannot be read: No such file or directory"
    assert "devices.proc" in raised.value.remedy


def test_a_file_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    with KernelFile(tmp_path) as folder, pytest.raises(DeviceUnavailable, match="Is a directory"):
        folder.read()
