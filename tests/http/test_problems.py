"""Problems for people: a page with an address for each code, and details in plain words."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser

import httpx
import pytest

from runfold.surfaces.http.refusals.codes import CODES
from tests.deciders.given import RUN


class Page(HTMLParser):
    """What a browser would make of a page: its tags, what they name, and what they load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        named = dict(attrs)
        assert not named.keys() & {"src", "srcset", "style", "onclick", "onload"}
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        if self.ids:
            self.words[self.ids[-1]] = self.words.get(self.ids[-1], "") + data


@pytest.mark.parametrize("accept", [None, "*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"])
def test_a_problems_type_leads_to_its_code_on_a_page(
    client: httpx.Client, accept: str | None
) -> None:
    headers = {} if accept is None else {"accept": accept}
    answer = client.get("/problems", headers=headers)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "accept"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    page = Page(answer.text)
    assert page.ids == list(CODES)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert {each for each in page.links if not each.startswith("#")} == {"/openapi", "/asyncapi"}
    refused = client.get("/runs/none").json()
    path, _, code = refused["type"].partition("#")
    assert path == "/problems"
    for each, kind in CODES.items():
        assert str(kind.status) in page.words[each]
        assert f"#{each}" in page.links
    assert CODES[code].title in page.words[code]


@pytest.mark.parametrize("accept", ["text/markdown", "text/html;q=0.5, text/markdown"])
def test_the_problems_are_there_as_markdown(client: httpx.Client, accept: str) -> None:
    answer = client.get("/problems", headers={"accept": accept})
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert [code for code in CODES if f"## {code}\n" not in answer.text] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"labels": "x"}, "/labels must be an object with named fields."),
        ({"rating": 9}, "/rating must be 5 or less."),
        ({"text": ["a"]}, "/text must be text."),
        ({"note": "x"}, "/note is no field here: leave it out."),
    ],
)
def test_a_body_is_refused_in_plain_words(
    client: httpx.Client, body: dict[str, object], said: str
) -> None:
    answer = client.post(f"/runs/{RUN}/feedback", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["detail"] == said
