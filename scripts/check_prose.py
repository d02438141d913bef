"""Prose checker: plain sentences, known words, test names and commit subjects.

Run it as `scripts/check_prose.py [PATH ...]`. It prints one line for each finding and a summary;
the exit code is 1 if a limit in `LIMITS` is exceeded. A prose linter knows grammar; this file
knows the words that this project does not use.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

FREE_RELATIVE = re.compile(
    r"^(What|Who|Whoever|Whatever|Whichever|Where|How|Whom|Whose)\b(?! to\b)", re.ASCII
)
BANNED = re.compile(
    r"(?<![\w./-])(anew|amiss|befall\w*|beneath|mend(?:s|ed|ing)?|of ours|whoever|somebody|"
    r"whomever|nobody|taps?|tapped|tickets?|doors?|rooms?|houses?|seat(?:s|ed)?|beats?|stages?|scenes?|"
    r"judge[sd]?|judging|hear[sd]?|overheard)(?![\w/-])",
    re.IGNORECASE,
)
SCREEN = re.compile(r"(?<![\w./-])screens?(?![\w/-])", re.IGNORECASE)
SCREEN_ALLOWED = re.compile(
    r"(screen readers?|(home|terminal|touch|full|lock|alternate|phone'?s?|small|wide|narrow|start|"
    r"whole|on|the|dark|light|offline|splash) screens?|screen (size|width|height|reader|brightness|"
    r"mode|saver|lock|capture)|off the screen)",
    re.IGNORECASE,
)
BANNED_IN_NAMES = frozenset(
    {
        "anew", "amiss", "befall", "beneath", "mend", "mended", "tap", "taps", "tapped",
        "ticket", "tickets", "door", "doors", "room", "rooms", "house", "seat", "seated",
        "unseat", "beat", "beats", "stage", "scene", "scenes", "judge", "judged",
        "judges", "told", "heard", "kept", "settled", "unsettled", "whoever", "somebody",
        "nobody",
    }
)  # fmt: skip
VAGUE_IN_TESTS = frozenset(
    {"who", "what", "it", "whoever", "whatever", "somebody", "nobody", "whom", "whose"}
)
CITATION = re.compile(r"api\.md|\brulings?\b(?:\s+\d+)?", re.IGNORECASE)
IMPERATIVE = re.compile(
    r"^(Accept|Adapt|Add|Adopt|Allow|Answer|Apply|Ask|Assert|Avoid|Bind|Bound|Break|Build|Bump|Cache|Call|"
    r"Cancel|Cap|Change|Check|Clamp|Clean|Clear|Close|Collect|Combine|Compare|Compute|Configure|Convert|"
    r"Copy|Correct|Count|Cover|Create|Cut|Declare|Decode|Define|Delay|Delete|Deny|Derive|Describe|"
    r"Detect|Disable|Discard|Display|Document|Download|Draw|Drop|Emit|Enable|Encode|End|Enforce|"
    r"Escape|Evict|Exclude|Expand|Expect|Explain|Expose|Extend|Extract|Fail|Fetch|Find|Fit|Fix|Fold|"
    r"Follow|Forbid|Format|Generate|Give|Group|Guard|Halve|Handle|Hide|Hold|Ignore|Implement|Import|"
    r"Improve|Include|Increase|Inline|Install|Introduce|Invert|Join|Keep|Let|Limit|Link|List|Load|"
    r"Localise|Lock|Log|Look|Lower|Make|Mark|Match|Measure|Merge|Migrate|Mock|Move|Name|Normalise|"
    r"Number|Offer|Open|Order|Pack|Pair|Parse|Pass|Pick|Pin|Place|Poll|Prefer|Prepare|Print|Propagate|"
    r"Protect|Prove|Provide|Publish|Put|Query|Queue|Raise|Read|Rebuild|Record|Redirect|Reduce|"
    r"Refactor|Refer|Refresh|Refuse|Reject|Release|Reload|Remember|Remove|Rename|Render|Reorder|"
    r"Replace|Report|Request|Require|Reset|Resolve|Respect|Restore|Restrict|Retry|Return|Reuse|"
    r"Revert|Revise|Rewrite|Round|Route|Run|Sanitise|Save|Say|Scale|Schedule|Scope|Select|Send|"
    r"Separate|Serve|Set|Shape|Share|Shorten|Show|Shrink|Simplify|Skip|Sort|Speak|Specify|Split|"
    r"Start|Stop|Store|Stream|Strip|Subscribe|Support|Switch|Take|Teach|Tell|Test|Throttle|Tidy|"
    r"Time|Track|Translate|Treat|Trim|Turn|Unify|Update|Upgrade|Use|Validate|Verify|Vendor|Wait|"
    r"Wake|Warn|Watch|Wire|Wrap|Write)\b"
)
LIMITS = {
    "sentence": 0.005,
    "docstring": 0.01,
    "test-name": 0.01,
    "word": 0.0,
    "name": 0.0,
    "citation": 0.0,
    "subject": 0.0,
}
"""Allowed share of findings for each kind, of everything of that kind that was read."""

TEXTS = ("*.md", "*.py", "*.ts", "*.svelte", "*.toml", "*.yml", "*.yaml", "Makefile", "*.sh")
LEFT_OUT = re.compile(r"^(tests/captured/|scripts/check_prose\.py$|tests/test_prose\.py$|.*lock)")
FIRST_CHECKED_SUBJECT = "Move modules into packages named by subject"


class Finding(NamedTuple):
    """One place that a reader may stumble over."""

    kind: str
    file: str
    line: int
    text: str


class Count:
    """Findings, and how many things of each kind were read."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.read: Counter[str] = Counter()

    def note(self, kind: str, file: str, line: int, text: str, *, found: bool) -> None:
        """Count one thing that was read."""
        self.read[kind] += 1
        if found:
            self.findings.append(Finding(kind, file, line, text.strip()[:120]))

    def share(self, kind: str) -> float:
        """Return the share of findings of a kind, 0.0 to 1.0."""
        found = sum(1 for finding in self.findings if finding.kind == kind)
        return found / max(self.read[kind], 1)


def tracked(paths: Iterable[str]) -> list[Path]:
    """Return the files of the checkout that are text of the project, below `paths`."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *TEXTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wanted = tuple(str(Path(path).resolve().relative_to(ROOT)) for path in paths)
    return [
        ROOT / name
        for name in listed
        if not LEFT_OUT.match(name)
        and (ROOT / name).is_file()
        and (not wanted or any(name == one or name.startswith(f"{one}/") for one in wanted))
    ]


def plain(text: str) -> str:
    """Return text without what it quotes: code, quoted words, addresses."""
    text = re.sub(r"``[^`]*``|`[^`]*`", "CODE", text)
    text = re.sub(r"“[^”]*”|\"[^\"\n]*\"", "QUOTE", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"https?://\S+", "URL", text)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph."""
    for part in re.split(r"(?<=[.!?:;])\s+|\n\s*\n", text):
        if part.strip():
            yield " ".join(part.split())


def check_text(count: Count, file: str, line: int, text: str) -> None:
    """Check a paragraph: its sentences and its words."""
    text = plain(text)
    for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", text):
        stripped = re.sub(r"^[\s*#>|\d.-]+", "", " ".join(sentence.split()))
        if len(stripped.split()) < 3:
            continue
        bad = bool(FREE_RELATIVE.match(stripped)) and "?" not in stripped
        count.note("sentence", file, line, stripped, found=bad)
    for match in BANNED.finditer(text):
        count.note("word", file, line, f"{match[0]}: {around(text, match)}", found=True)
    for match in SCREEN.finditer(text):
        if not SCREEN_ALLOWED.search(text[max(match.start() - 12, 0) : match.end() + 12]):
            count.note("word", file, line, f"{match[0]}: {around(text, match)}", found=True)
    for match in CITATION.finditer(text):
        count.note("citation", file, line, around(text, match), found=True)


def around(text: str, match: re.Match[str]) -> str:
    """Return a match with some words on both sides."""
    return " ".join(text[max(match.start() - 40, 0) : match.end() + 40].split())


def words_of(name: str) -> list[str]:
    """Split an identifier into lower-case words."""
    return [
        word.lower()
        for part in name.split("_")
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", part)
    ]


def check_python(count: Count, file: str, source: str) -> None:
    """Check docstrings, comments and names of a Python file."""
    tree = ast.parse(source)
    if not file.startswith("docs/"):
        opening = ast.get_docstring(tree)
        if opening:
            bad = bool(FREE_RELATIVE.match(opening)) and "?" not in opening.split("\n")[0]
            count.note("docstring", file, 1, opening.split("\n")[0], found=bad)
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                check_text(count, file, node.lineno, undraw(text))
        for name in names_given_by(node):
            check_name(count, file, getattr(node, "lineno", 1), name)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and "noqa" not in token.string:
            check_text(count, file, token.start[0], token.string.lstrip("#"))
    if file.startswith("src/"):
        check_messages(count, file, tree)
    for part in Path(file).with_suffix("").parts:
        check_name(count, file, 1, part)


def names_given_by(node: ast.AST) -> list[str]:
    """Return the names that a node gives to something."""
    match node:
        case ast.ClassDef(name=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name, *(arg.arg for arg in [*node.args.args, *node.args.kwonlyargs])]
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
    return []


def check_messages(count: Count, file: str, tree: ast.Module) -> None:
    """Check the string literals that hold more than one word: they are shown to people."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings and " " in text:
                check_text(count, file, node.lineno, text)


def undraw(text: str) -> str:
    """Return a docstring without its indented drawings."""
    return "\n".join(line for line in text.split("\n") if not re.match(r"^    \s*\S", line))


def check_name(count: Count, file: str, line: int, name: str) -> None:
    """Check the words of an identifier."""
    words = words_of(name)
    count.note("name", file, line, name, found=bool(BANNED_IN_NAMES & set(words)))
    if name.startswith("test_") and file.startswith("tests/") and not file.endswith(f"{name}.py"):
        count.note("test-name", file, line, name, found=bool(VAGUE_IN_TESTS & set(words)))


def check_markdown(count: Count, file: str, source: str) -> None:
    """Check the paragraphs of a Markdown file, its code left out."""
    source = re.sub(r"<!--.*?-->", "", source, flags=re.DOTALL)
    fenced = False
    paragraph: list[str] = []
    start = 1
    for number, whole in enumerate([*source.split("\n"), ""], 1):
        line = whole
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            line = ""
        drawn = fenced or line.startswith(("    ", "\t"))
        opens = re.match(r"^\s*([*+-]|\d+\.|#+|\||>)\s", line) or not line.strip() or drawn
        if opens and paragraph:
            check_text(count, file, start, " ".join(paragraph))
            paragraph = []
        if line.strip() and not drawn:
            if not paragraph:
                start = number
            if line.lstrip().startswith("|"):
                for cell in line.strip().strip("|").split("|"):
                    check_text(count, file, number, cell)
            else:
                paragraph.append(line.strip())


def check_comments(count: Count, file: str, source: str) -> None:
    """Check the comments of a file in another language."""
    if file.endswith((".ts", ".svelte")):
        for match in re.finditer(r"/\*\*?(.*?)\*/|(?<!:)//([^\n]*)", source, re.DOTALL):
            text = re.sub(r"(?m)^\s*\*", "", match[1] or match[2] or "")
            check_text(count, file, source.count("\n", 0, match.start()) + 1, text)
    else:
        for number, line in enumerate(source.split("\n"), 1):
            if comment := re.search(r"(?:^|\s)#+ ?(.*)", line):
                check_text(count, file, number, comment[1])


def check_subjects(count: Count) -> None:
    """Check the commits since the first subject that follows the rule."""
    log = subprocess.run(
        ["git", "log", "--no-merges", "--format=%h %s"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for entry in log:
        commit, _, subject = entry.partition(" ")
        bad = not IMPERATIVE.match(subject) or len(subject) > 60 or subject.endswith(".")
        count.note("subject", commit, 0, subject, found=bad)
        if subject == FIRST_CHECKED_SUBJECT:
            break


def check(paths: Iterable[str] = ()) -> Count:
    """Read the project's text below `paths`, all of it by default."""
    paths = list(paths)
    count = Count()
    for path in tracked(paths):
        file = str(path.relative_to(ROOT))
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            check_python(count, file, source)
        elif path.suffix == ".md":
            check_markdown(count, file, source)
        else:
            check_comments(count, file, source)
    if not paths:
        check_subjects(count)
    return count


def main(paths: list[str]) -> int:
    """Print every finding and the share of each kind."""
    count = check(paths)
    for finding in count.findings:
        print(f"{finding.file}:{finding.line}: {finding.kind}: {finding.text}")
    exceeded = False
    for kind, limit in LIMITS.items():
        found = sum(1 for finding in count.findings if finding.kind == kind)
        share = count.share(kind)
        exceeded |= share > limit
        print(f"{kind:10} {found:5} of {count.read[kind]:6}  {share:7.2%}  limit {limit:.1%}")
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
