import shutil
import subprocess

import pytest

from deskwire.art.picture import media_type
from deskwire.model.readings import ArtKey
from deskwire.simulator.covers import generated_cover


@pytest.mark.desktop
def test_a_made_up_cover_is_a_picture_that_another_program_can_read() -> None:
    picture = generated_cover(ArtKey("/tmp/a"))

    ffprobe = shutil.which("ffprobe")
    assert ffprobe
    shown = subprocess.run(
        [
            ffprobe,
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name,width,height",
            "-of",
            "csv",
            "-",
        ],
        input=picture,
        capture_output=True,
        check=True,
    )

    assert media_type(picture) == "image/png"
    assert shown.stdout.decode().strip() == "stream,png,160,160"
    assert shown.stderr == b""


def test_another_path_has_another_cover_and_the_same_the_same() -> None:
    assert (
        generated_cover(ArtKey("/tmp/a"))
        == generated_cover(ArtKey("/tmp/a"))
        != generated_cover(ArtKey("/tmp/b"))
    )
