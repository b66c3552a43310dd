import base64
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from gateway.kit import assets, render
from gateway.kit.assets import ASSETS, Asset, describe, folder
from gateway.web import scripts
from rfm_common.settings import Settings

CONTENT = b"window.library = 1;"
GOOD = Asset("good", "good@1.0.0", "dist/good.js",
             base64.b64encode(hashlib.sha384(CONTENT).digest()).decode())  # fmt: skip


def settings(tmp_path: Path, **more: str) -> Settings:
    return Settings(_env_file=None, state_dir=tmp_path, **more)  # type: ignore[call-arg, arg-type]


def archive(place: Path, content: bytes) -> None:
    with tarfile.open(place / "good-1.0.0.tgz", "w:gz") as opened:
        info = tarfile.TarInfo("package/dist/good.js")
        info.size = len(content)
        opened.addfile(info, io.BytesIO(content))


def test_every_library_is_pinned_by_version_and_hash(tmp_path: Path) -> None:
    for library in describe(settings(tmp_path)).values():
        assert library["cdn"].startswith("https://cdn.jsdelivr.net/npm/")
        assert library["cdn"].count("@") == 1
        assert library["integrity"].startswith("sha384-")
    assert ASSETS["htmx"].package == ASSETS["hx-sse"].package


def test_without_a_cdn_browsers_are_told_only_of_the_local_copies(tmp_path: Path) -> None:
    libraries = describe(settings(tmp_path, cdn="off"))
    assert {library["cdn"] for library in libraries.values()} == {None}
    assert libraries["htmx"]["local"] == "/vendor/htmx.js?v=4.0.1"


def test_a_file_comes_out_of_the_package_when_its_hash_is_right(tmp_path: Path) -> None:
    archive(tmp_path, CONTENT)
    assert assets._unpack(GOOD, tmp_path) == CONTENT


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    archive(tmp_path, CONTENT + b" // and a little more")
    assert assets._unpack(GOOD, tmp_path) is None


def test_an_archive_without_the_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "broken.tgz").write_bytes(b"not an archive")
    assert assets._unpack(GOOD, tmp_path) is None


def test_a_copy_is_kept_compressed_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "good.js.gz"
    assets._keep(path, CONTENT)
    assert gzip.decompress(path.read_bytes()) == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_plotly_has_a_last_resort_in_the_installed_package(tmp_path: Path) -> None:
    content = assets._read_local(settings(tmp_path), "plotly")
    assert content is not None
    assert b"plotly.js v" in gzip.decompress(content)[:2000]
    assert assets._read_local(settings(tmp_path), "htmx") is None


def test_a_kept_copy_is_preferred(tmp_path: Path) -> None:
    made = settings(tmp_path)
    folder(made).mkdir(parents=True)
    assets._keep(folder(made) / "plotly.js.gz", CONTENT)
    kept = assets._read_local(made, "plotly")
    assert kept is not None
    assert gzip.decompress(kept) == CONTENT


def test_the_scripts_of_the_pages_are_one_file_named_by_its_content() -> None:
    for part in scripts.PARTS:
        content = (render.STATIC / f"{part}.js").read_bytes()
        assert content in scripts.bundle()
        assert content.rstrip().endswith(b"})();")  # parts share no names
    assert scripts.script_url().startswith("/dashboard/page.js?v=")
