"""What happens in one conversation of generated traffic. A scene writes it into a script, or says that it can't be had.

Whether a scene can be had is asked of the policy: a text is only used where the filters make of it what the scene is
about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rejoinder.play import texts
from rejoinder.play.desk import Desk, Fate
from rejoinder.play.script import Script
from rejoinder.play.texts import Talk
from rejoinder.play.voices import Voice, message

Scene = Callable[[Script, Voice], bool]
RETURNS: Final = 0.15
"""So often somebody comes back hours after the end."""
THANKS: Final = 0.4
"""So often somebody says thank you."""
TO_A_PERSON: Final[frozenset[Fate]] = frozenset({"route", "answer"})


def plain(script: Script, voice: Voice) -> bool:
    """A matter, some answers, the end; perhaps a thank-you, or a second matter later."""
    talk = script.chance.choice(texts.TALKS)
    matters = _fitting(script, voice, talk.matters, TO_A_PERSON)
    if not matters:
        return False
    script.chance.shuffle(matters)
    # Nobody is told the same again: X refuses it, and it would be odd elsewhere too.
    answers = script.chance.sample(talk.answers, len(talk.answers))
    turns = script.chance.choice((1, 1, 2, 2, 3))
    if not _serve(script, voice, talk, matters.pop(), [answers.pop() for _ in range(min(turns, len(answers)))]):
        return True
    _thank(script, voice)
    if matters and answers and script.chance.random() < RETURNS:
        script.pause(60, 240)
        if script.desk.is_open(script.at):
            _serve(script, voice, talk, matters.pop(), [answers.pop()])
    return True


def outage(script: Script, voice: Voice) -> bool:
    """Answered automatically, and by a person of the queue for it."""
    return _one_answer(script, voice, texts.OUTAGES, texts.OUTAGE_ANSWERS, {"answer"})


def parcel(script: Script, voice: Voice) -> bool:
    """The same, where it is answered automatically that somebody looks for it."""
    return _one_answer(script, voice, texts.PARCELS, texts.SERVICE.answers, {"answer"})


def contract(script: Script, voice: Voice) -> bool:
    """What a filter sends to another queue."""
    return _one_answer(script, voice, texts.CONTRACTS, texts.SERVICE.answers, {"route"}, filtered=True)


def human(script: Script, voice: Voice) -> bool:
    """Somebody wants no machine."""
    return _one_answer(script, voice, texts.HUMANS, texts.SERVICE.answers, {"route"}, filtered=True)


def praise(script: Script, voice: Voice) -> bool:
    """A retweet or a like is proposed to the agent."""
    return _one_answer(script, voice, texts.PRAISE, texts.PRAISE_ANSWERS, {"suggest"}, "praise")


def opening_hours(script: Script, voice: Voice) -> bool:
    """Answered and ended by a filter."""
    return _only_said(script, voice, texts.HOURS, {"close"})


def spam(script: Script, voice: Voice) -> bool:
    """Ended by a filter."""
    return script.desk.looks_at(voice.opens) and _only_said(script, voice, texts.SPAM, {"ignore"})


def insult(script: Script, voice: Voice) -> bool:
    """Goes to those who moderate, and is not answered."""
    fitting = _fitting(script, voice, texts.INSULTS, {"route"}, filtered=True)
    if not fitting:
        return False
    voice.begin(script, script.chance.choice(fitting), "en")
    if script.wait_for_an_agent():
        script.pause(2, 10, private=voice.private)
        script.end("hidden", "no_answer_needed")
    return True


def silence(script: Script, voice: Voice) -> bool:
    """A private conversation in which the customer writes no more: it ends by itself."""
    if not voice.private or script.desk.rules.session_idle_disposition is None:
        return False
    talk = texts.SERVICE
    matters = _fitting(script, voice, talk.matters, TO_A_PERSON)
    if not matters:
        return False
    voice.begin(script, script.chance.choice(matters), talk.language)
    if script.wait_for_an_agent():
        _work(script, voice, 5)
        voice.answer(script, script.chance.choice(talk.answers))
    return True


def button(script: Script, voice: Voice) -> bool:
    """A button begins it, with its title for a text."""
    titles = _fitting(script, voice, texts.BUTTONS, TO_A_PERSON)
    if not titles:
        return False
    _serve(script, voice, texts.SERVICE, script.chance.choice(titles), script.chance.sample(texts.SERVICE.answers, 2))
    return True


@dataclass(frozen=True)
class IntoPrivate:
    """A comment that is answered in private, and goes on in Messenger."""

    messenger: Desk

    def __call__(self, script: Script, voice: Voice) -> bool:
        there = message()
        fitting = _fitting(script, voice, texts.PERSONAL, TO_A_PERSON)
        if not fitting or not self.messenger.looks_at(there.opens):
            return False
        voice.begin(script, script.chance.choice(fitting), "en")
        if not script.wait_for_an_agent():
            return True
        script.pause(2, 12)
        script.answer(script.chance.choice(texts.INTO_PRIVATE), visibility="private")
        script.pause(1, 3)
        script.end()
        script.pause(2, 15)
        second = Script(self.messenger, script.person, script.numbers, script.chance, script.at, commenter=True)
        _serve(second, there, texts.SERVICE, "customer 4711-0815", [script.chance.choice(texts.PRIVATE_ANSWERS)])
        _thank(second, there)
        script.lines += second.lines
        return True


def _serve(script: Script, voice: Voice, talk: Talk, matter: str, answers: Sequence[str]) -> bool:
    """A matter with so many answers, and the end. False: nobody came to it in the time that is played."""
    voice.begin(script, matter, talk.language)
    follow_ups = [each for each in talk.follow_ups if _fate(script, voice, each, voice.goes_on) == "route"]
    for number, text in enumerate(answers):
        if number and not follow_ups:
            break
        if number:
            script.pause(1, 12, private=voice.private)
            voice.go_on(script, script.chance.choice(follow_ups), talk.language)
        if not script.wait_for_an_agent():
            return False
        _work(script, voice, 18)
        voice.answer(script, text)
    script.pause(1, 10, private=voice.private)
    script.end()
    return True


def _work(script: Script, voice: Voice, longest: float) -> None:
    """An agent writes an answer: soon, where somebody waits for it in a chat."""
    if voice.private:
        script.pause(0.5, 4, private=True)
    else:
        script.pause(2, longest)


def _thank(script: Script, voice: Voice) -> None:
    """A mere thank-you, where it joins the history and opens nothing."""
    thanks = [each for each in texts.THANKS if _fate(script, voice, each, voice.goes_on) == "attach"]
    if thanks and script.chance.random() < THANKS:
        script.pause(1, 20)
        voice.go_on(script, script.chance.choice(thanks), "en")


def _one_answer(
    script: Script,
    voice: Voice,
    openers: Sequence[str],
    answers: Sequence[str],
    fates: set[Fate],
    *codes: str,
    filtered: bool = False,
) -> bool:
    fitting = _fitting(script, voice, openers, fates, filtered=filtered)
    if not fitting:
        return False
    voice.begin(script, script.chance.choice(fitting), "en")
    if script.wait_for_an_agent():
        _work(script, voice, 12)
        voice.answer(script, script.chance.choice(answers))
        script.pause(1, 6, private=voice.private)
        script.end(*codes)
    return True


def _only_said(script: Script, voice: Voice, openers: Sequence[str], fates: set[Fate]) -> bool:
    fitting = _fitting(script, voice, openers, fates)
    if fitting:
        voice.begin(script, script.chance.choice(fitting), "en")
    return bool(fitting)


def _fitting(
    script: Script,
    voice: Voice,
    openers: Sequence[str],
    fates: set[Fate] | frozenset[Fate],
    *,
    filtered: bool = False,
) -> list[str]:
    """Those of the openers of which the policy makes this. `filtered`: by a filter of its own."""
    return [
        text
        for text in openers
        if _fate(script, voice, text, voice.opens) in fates
        and (not filtered or script.desk.filter_of(voice.shown(script, text), voice.opens) is not None)
    ]


def _fate(script: Script, voice: Voice, text: str, event: str) -> Fate:
    return script.desk.fate(voice.shown(script, text), event)
