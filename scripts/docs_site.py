"""MkDocs hook that adds the Markdown files outside `docs/` to the site.

The pages keep the relative links of the repository, so that they work there as well. The hook
points each link to the page of the target. A link to another file of the repository leads to a
copy of that file in the site, because the site must work without a network.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent

PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "bench/README.md": "project/benchmarks.md",
    "bench/report.md": "project/benchmark-report.md",
    "dashboard/README.md": "project/page.md",
    "requirements/README.md": "project/locks.md",
    "tests/README.md": "project/tests.md",
}
"""Path in the repository and path in the site of each page outside `docs/`."""

WORKER = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
"""Script of the theme's offline plugin that makes the search work from `file://`."""

_LINK = re.compile(r'(\]\(|\b(?:src|href)=")([^)"\s#]+)')
_FENCE = re.compile(r"(?ms)^ *```.*?^ *```$")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside `docs/` and the files that any page links to."""
    for source, target in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=text))
    for file in list(files.documentation_pages()):
        text = _FENCE.sub("", file.content_string)
        for _, link in _LINK.findall(text):
            source = _repository_path(file.src_uri, link)
            target = _site_path(source)
            if (ROOT / source).is_file() and files.get_file_from_path(target) is None:
                copy = File.generated(config, target, content=(ROOT / source).read_bytes())
                files.append(copy)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links of a page to the pages and files of the site."""
    del config, files
    here = page.file.src_uri

    def point(match: re.Match[str]) -> str:
        opening, link = match.groups()
        if re.match(r"[a-z]+:", link):
            return match[0]
        source = _repository_path(here, link)
        if not (ROOT / source).is_file():
            raise PluginError(f"{here}: link to {link}, which is no file of the repository")
        target = _site_path(source)
        if opening.startswith("]"):
            return opening + posixpath.relpath(target, posixpath.dirname(here))
        return opening + posixpath.relpath(
            target.removesuffix(".md") + ".html" if target.endswith(".md") else target,
            posixpath.dirname(here),
        )

    fences = _FENCE.findall(markdown)
    prose = _FENCE.split(markdown)
    changed = [_LINK.sub(point, part) for part in prose]
    return "".join(a + b for a, b in zip(changed, [*fences, ""], strict=True))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Load the worker of the search from the site instead of from a network."""
    del config
    local = posixpath.relpath("assets/iframe-worker.js", posixpath.dirname(page.url))
    return output.replace(WORKER, f'<script src="{local}"></script>')


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """Remove the worker from the 404 page, which only a web server shows."""
    del template_name, config
    return output.replace(WORKER, "")


def _repository_path(page: str, link: str) -> str:
    """Return the repository path that a relative link of a page leads to."""
    outside = {target: source for source, target in PAGES.items()}
    folder = posixpath.dirname(outside.get(page, f"docs/{page}"))
    return posixpath.normpath(posixpath.join(folder, link))


def _site_path(source: str) -> str:
    """Return the path of a repository file in the site."""
    if source in PAGES:
        return PAGES[source]
    return source.removeprefix("docs/") if source.startswith("docs/") else f"files/{source}"
