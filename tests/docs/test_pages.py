"""The pages agree with the code: generated ones, variables, codes, tests they name, links."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from runfold.events import topics
from runfold.events.catalogue import CATALOGUE, FACTS
from runfold.events.values import RunStatus
from runfold.infra.metrics.table import TABLE
from runfold.infra.settings.table import FAMILIES, VARIABLES
from runfold.processors.engine import metrics  # noqa: F401 - its metrics are in the table then
from runfold.processors.run.lifecycle import admission, endings, undecidable
from runfold.processors.run.lifecycle.proving import UNPROVED
from runfold.processors.run.policy.judging import FORBIDDEN
from runfold.surfaces.docs.pages import PAGES, outdated
from runfold.surfaces.docs.topics import TRAFFIC
from tests.docs.given import ROOMS, ROOT, modules, pages
from tests.docs.test_features import exists
from tests.support.builders.stories import STORIES, history

OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
GUARANTEES = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")


def code() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in modules())


def test_generated_pages_are_up_to_date() -> None:
    assert outdated() == ()
    assert set(PAGES) >= {"docs/events.md", "docs/topics.md", "docs/features.md"}


def test_a_changed_page_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAGES, "docs/topics.md", lambda: "other")

    assert outdated() == ("docs/topics.md",)


def test_every_variable_that_a_page_names_is_a_setting() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    named = set(re.findall(r"`([A-Z][A-Z0-9_]*_[A-Z0-9_*]+)`", text))
    beginnings = (*(f.prefix for f in FAMILIES), "RUNFOLD_", "OPENAI_", "ANTHROPIC_", "XDG_")
    ours = {name for name in named if name.startswith(beginnings)}
    known = {variable.name for variable in VARIABLES}

    assert len(ours) > 30
    assert sorted(ours - known - {f for f in ours if any(one.holds(f) for one in FAMILIES)}) == []


def test_the_exit_codes_of_a_run_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (\d) \| \w+ \| (.+?) \|$", GUARANTEES, re.MULTILINE))
    codes = {
        endings.EXIT_SUCCESS: "complete_task",
        endings.EXIT_GAVE_UP: "fail_task",
        admission.EXIT_REFUSED: "refused",
        endings.EXIT_LIMIT: "limit",
        endings.EXIT_MODEL: "model",
        endings.EXIT_CANCELLED: "person",
        endings.EXIT_UNDECIDABLE: "undecidable",
    }

    assert {int(code) for code in rows} == set(codes)
    assert all(word in rows[str(code)] for code, word in codes.items())


def test_every_refusal_at_admission_is_listed() -> None:
    source = Path(admission.__file__).read_text(encoding="utf-8")
    given = set(re.findall(r'(?:yield|return) _Problem\("([a-z_]+)",', source))
    given |= {FORBIDDEN} if "_Problem(FORBIDDEN" in source else set()
    given |= {UNPROVED} if "_Problem(UNPROVED" in source else set()
    conclusion = Path(undecidable.__file__).read_text(encoding="utf-8")
    given |= set(re.findall(r'admission\.refuse\(draft, request, "([a-z_]+)"', conclusion))
    section = GUARANTEES.partition("Refusals at admission")[2].partition("Requests that begin")[0]

    assert given == set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))


def test_every_code_of_a_dead_letter_is_listed() -> None:
    engine = "\n".join(
        file.read_text(encoding="utf-8")
        for file in (*(ROOT / "processors/engine").rglob("*.py"), *(ROOT / "events").rglob("*.py"))
    )
    given = set(re.findall(r'(?:Refused|WireError)\(\s*"([a-z_]+)"', engine))
    given |= set(re.findall(r'^(?:CODE|HISTORY_LOST) = "([a-z_]+)"$', engine, re.MULTILINE))
    run = (ROOT / "processors/run/aggregate.py").read_text(encoding="utf-8")
    given |= set(re.findall(r'f?"([a-z_]+): ', run))
    proving = (ROOT / "processors/run/lifecycle/proving.py").read_text(encoding="utf-8")
    given |= {UNPROVED} if 'f"{UNPROVED}: ' in proving else set()
    border = (ROOT / "events/border.py").read_text(encoding="utf-8")
    given |= set(re.findall(r'Fault\("([a-z_]+)"', border))
    section = OPERATIONS.partition("## Dead letters")[2].partition("They are not sent")[0]
    listed = {
        code
        for row in re.findall(r"^\| (`[a-z_`, ]+) \|", section, re.MULTILINE)
        for code in re.findall(r"`([a-z_]+)`", row)
    }

    assert given == listed


def test_every_topic_and_every_record_has_its_place() -> None:
    events = (ROOT / "docs/events.md").read_text(encoding="utf-8")

    assert set(TRAFFIC) == {topic.name for topic in topics.TOPICS} == set(CATALOGUE)
    for records in CATALOGUE.values():
        assert all(f"\n## {record.__name__}\n" in events for record in records)


def test_an_event_that_nothing_writes_says_so_and_no_other() -> None:
    deciders = "\n".join(file.read_text() for file in (ROOT / "processors/run").rglob("*.py"))
    written = {fact for fact in FACTS if re.search(rf"\b{fact.__name__}\)?\(\n? *\w+=", deciders)}
    written |= {fact for fact in FACTS if f"{fact.__name__}()" in deciders.replace("case j.", "~")}

    assert set(FACTS) - written == {fact for fact in FACTS if fact.traits.reserved}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_status_after_an_event_is_one_of_those_listed(name: str) -> None:
    events, _ = history(STORIES[name])
    proposals = sum(event.type == "ToolCallProposed" for event in events)
    for event in events:
        after = event.fact.traits.status
        if after and event.meta.status is not RunStatus.PAUSED and proposals < 2:
            assert event.meta.status in after, event.type


def test_every_test_that_a_page_names_is_there() -> None:
    named = [
        name
        for page in pages()
        for name in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", page.read_text(encoding="utf-8"))
    ]

    assert named
    assert [name for name in named if not exists(name)] == []


def test_every_folder_and_file_that_a_page_names_is_there() -> None:
    rooms = "|".join([*ROOMS, "schemas", "tests"])
    pattern = rf"`((?:{rooms})/[\w./-]*)`"
    named = {
        name for page in pages() for name in re.findall(pattern, page.read_text(encoding="utf-8"))
    }

    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_command_that_a_page_names_is_there() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    named = set(re.findall(r"(?:`|^)(runfold (?:(?:audit|schemas) )?[a-z]+)", text, re.MULTILINE))
    modules_named = set(re.findall(r"`python -m ([\w.]+)", text))

    assert len(named) > 10
    assert sorted(name for name in named if not exists(name)) == []
    assert sorted(name for name in modules_named if find_spec(name) is None) == []


def test_every_metric_that_a_page_names_is_counted() -> None:
    counted = TABLE.exported()
    named = set(re.findall(r"`(runfold_lane_\w+)`", OPERATIONS))

    assert named
    assert named - counted == set()


def test_every_decision_is_in_the_list_and_numbers_have_no_gap() -> None:
    folder = ROOT / "docs/adr"
    files = sorted(file.name for file in folder.glob("0*.md"))
    listed = re.findall(
        r"^- \[(\d+)\. (.+)\]\((.+)\)$", (folder / "README.md").read_text(), re.MULTILINE
    )

    assert [name for _, _, name in listed] == files
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    for number, title, name in listed:
        assert (folder / name).read_text().splitlines()[0] == f"# {number}. {title}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert broken == []
