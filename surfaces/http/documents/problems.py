"""The page of problems for people: every code at an address of its own, such as ``#not_found``."""

from __future__ import annotations

from runfold.surfaces.http.documents import page
from runfold.surfaces.http.refusals.codes import CODES, Kind

_ABOUT = (
    "A request that is refused is answered with a problem of RFC 9457, `application/problem+json`: "
    "`type`, `title`, `status`, `detail` (one sentence that says what to do), `instance`, and "
    "beside them `code`, which never changes its meaning, `retryable`, `run_id` where it is about "
    "a run, and `request_id`. Its `type` leads to its code on this page."
)


def html() -> str:
    """Return the page: plain HTML that loads nothing and runs nothing."""
    links = "".join(
        f'<a href="#{page.in_text(code)}">{page.in_text(code)}</a><br>' for code in CODES
    )
    parts = "".join(_section(code, kind) for code, kind in CODES.items())
    see = (
        '<p>As Markdown: <code>Accept: text/markdown</code>. See also <a href="/openapi">/openapi'
        '</a> and <a href="/asyncapi">/asyncapi</a>.</p>'
    )
    return page.shell("Problems", f"<p>{page.in_html(_ABOUT)}</p>{see}<nav>{links}</nav>{parts}")


def _section(code: str, kind: Kind) -> str:
    again = "the same may succeed later" if kind.retryable else "the same is refused again"
    return (
        f'<h2 id="{page.in_text(code)}"><code>{page.in_text(code)}</code></h2><p>'
        f"Status {kind.status}; {again}. {page.in_html(kind.title)}. {page.in_html(kind.helps)}</p>"
    )


def wants_markdown(accept: str) -> bool:
    """Return whether a client would rather have Markdown than HTML, by its ``Accept``."""
    weights = {"text/html": 0.0, "text/markdown": 0.0}
    for part in accept.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        if name in weights:
            weights[name] = _number(weight)
    return weights["text/markdown"] > weights["text/html"]


def _number(text: str) -> float:
    """Return a weight; what is none counts as nothing."""
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
