"""A person with a browser, without the browser: cookies, forms with their hidden fields, redirects."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx

_CONTROLS = frozenset({"input", "textarea", "select", "button"})


@dataclass
class FoundForm:
    """A form on a page, with what its hidden fields hold."""

    action: str
    hidden: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[FoundForm] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = at.get("method") == "post"
            if self._inside:
                self.forms.append(FoundForm(at.get("action", "")))
        elif self._inside and tag in _CONTROLS and "name" in at:
            self.forms[-1].names.append(at["name"])
            if at.get("type") == "hidden":
                self.forms[-1].hidden[at["name"]] = at.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class Browser:
    """Reads pages and sends their forms, as a browser without JavaScript does."""

    def __init__(self, client: httpx.AsyncClient, language: str = "en") -> None:
        self.client = client
        self.at = "/"
        self.page = ""
        self.status = 0
        self.headers = httpx.Headers()
        self._fixed = {"Accept": "text/html", "Accept-Language": language}

    async def open(self, path: str) -> "Browser":
        """Open a page, following redirects."""
        answer = await self.client.get(path, headers=self._fixed, follow_redirects=True)
        return self._seen(answer)

    def form(self, *names: str) -> FoundForm:
        """The first form on the page that has these controls; not the one that signs out."""
        for each in _Forms(self.page).forms:
            if each.action != "/sign-out" and set(names) <= set(each.names):
                return each
        raise AssertionError(f"no form with {names} on {self.at}: {self.status} {self.text}")

    def form_to(self, ending: str) -> FoundForm:
        """The form on the page whose address ends so."""
        return next(each for each in _Forms(self.page).forms if each.action.endswith(ending))

    async def send(
        self, values: dict[str, Any], *, to: str = "", files: Any = None, form: FoundForm | None = None
    ) -> httpx.Response:
        """Send a form of the page that is open, without following the answer."""
        used = form or self.form(*(name for name in values if name not in {"later", "add"}))
        return await self.client.post(
            to or used.action or self.at,
            data={**used.hidden, **values},
            files=files,
            headers={**self._fixed, "Referer": f"http://testserver.local{self.at}"},
        )

    async def answer(self, values: dict[str, Any], **how: Any) -> "Browser":
        """Send a form and follow the answer."""
        sent = await self.send(values, **how)
        if sent.status_code == 303:
            return await self.open(sent.headers["location"])
        return self._seen(sent)

    async def sign_in(self, email: str, password: str) -> "Browser":
        """Sign in through the page."""
        await self.open("/sign-in")
        return await self.answer({"email": email, "password": password})

    @property
    def heading(self) -> str:
        """The page's heading, in words."""
        found = re.search(r"<h1>(.*?)</h1>", self.page, re.DOTALL)
        return words(found[1]) if found else ""

    @property
    def text(self) -> str:
        """The page's words."""
        return words(self.page.partition('<main id="main"')[2].partition(">")[2].partition("</main>")[0])

    @property
    def errors(self) -> list[str]:
        """What the summary of errors says."""
        summary = re.search(r'<div class="errors".*?</div>', self.page, re.DOTALL)
        return [words(each) for each in re.findall(r"<li>(.*?)</li>", summary[0], re.DOTALL)] if summary else []

    def _seen(self, answer: httpx.Response) -> "Browser":
        self.status, self.page, self.headers = answer.status_code, answer.text, answer.headers
        self.at = answer.url.raw_path.decode("ascii")
        return self


def words(html: str) -> str:
    """The words of some HTML, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
