"""The ways in which customers and agents write to one another on each channel, for generated traffic."""

from dataclasses import dataclass
from typing import Final, Protocol

from rejoinder.play.script import Script


class Voice(Protocol):
    """One way: what happens when somebody begins, and when they go on."""

    @property
    def opens(self) -> str:
        """What it is called when a customer begins."""
        ...

    @property
    def goes_on(self) -> str:
        """What it is called when they go on."""
        ...

    @property
    def private(self) -> bool: ...

    def begin(self, script: Script, text: str, language: str) -> None: ...
    def go_on(self, script: Script, text: str, language: str) -> None: ...
    def answer(self, script: Script, text: str) -> None: ...
    def shown(self, script: Script, text: str) -> str:
        """A text as the filters see it."""
        ...


@dataclass
class Mention:
    """A post on X that names the account; then answers to its answers."""

    opens: str = "mention"
    goes_on: str = "reply"
    private: bool = False
    _answered: str | None = None

    def begin(self, script: Script, text: str, language: str) -> None:
        script.post(text, None, language)

    def go_on(self, script: Script, text: str, language: str) -> None:
        script.post(text, self._answered, language)

    def answer(self, script: Script, text: str) -> None:
        """Named in the answer, because X refuses the same text twice, to whomever it is."""
        self._answered = script.numbers.tweet()
        script.answer(f"@{script.person.handle} {text}", tweet_id=self._answered)

    def shown(self, script: Script, text: str) -> str:
        return f"@{script.desk.account.handle} {text}"


@dataclass
class Said:
    """What is said over the control API: in private, where everything is alike."""

    opens: str
    goes_on: str
    private: bool = True

    def begin(self, script: Script, text: str, language: str) -> None:
        self._say(script, self.opens, text)

    def go_on(self, script: Script, text: str, language: str) -> None:
        self._say(script, self.goes_on, text)

    def answer(self, script: Script, text: str) -> None:
        script.answer(text)

    def shown(self, script: Script, text: str) -> str:
        return text

    def _say(self, script: Script, kind: str, text: str) -> None:
        on_x = script.desk.account.channel == "x"
        script.say(
            kind, text, script.numbers.tweet() if on_x else f"m_{script.numbers.day:%Y%m%d}_{script.numbers.next()}"
        )


@dataclass
class OnPage:
    """A comment under a post of the page, or a visitor's own post; then comments below it."""

    page_post: str | None
    """The post of the page; None: a post of the visitor's."""
    goes_on: str = "comment"
    private: bool = False
    _first: str = ""

    @property
    def opens(self) -> str:
        return "post" if self.page_post is None else "comment"

    def begin(self, script: Script, text: str, language: str) -> None:
        number = script.numbers.next()
        if self.page_post is None:
            self._first = script.say("post", text, f"{script.desk.account.id}_{number}")
        else:
            self._first = script.say("comment", text, f"{_number_of(self.page_post)}_{number}", post_id=self.page_post)

    def go_on(self, script: Script, text: str, language: str) -> None:
        post = self.page_post or self._first
        script.say("comment", text, f"{_number_of(post)}_{script.numbers.next()}", in_reply_to=self._first)

    def answer(self, script: Script, text: str) -> None:
        script.answer(text)

    def shown(self, script: Script, text: str) -> str:
        return text


def _number_of(post: str) -> str:
    return post.rpartition("_")[2]


PAGE_POSTS: Final = 4
"""Posts of a page under which people comment."""


def direct_message() -> Voice:
    return Said("direct_message", "direct_message")


def message() -> Voice:
    return Said("message", "message")


def button() -> Voice:
    """A button in Messenger begins it."""
    return Said("postback", "message")
