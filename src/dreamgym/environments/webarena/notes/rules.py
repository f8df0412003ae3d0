"""What the site answers to an action, by the lines of a sheet alone: which decide, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.webarena.actions import ActionError, Call, read_action
from dreamgym.environments.webarena.notes.facts import (
    ANSWER,
    ANY,
    BLANK,
    BUTTON,
    CHOICE,
    DONE,
    DOWN,
    ENDS,
    FIELD,
    GOAL,
    LINK,
    RIGHT,
    UP,
    WHERE,
    YES,
    element_key,
    with_entry,
)
from dreamgym.models.dream_format import Answer
from dreamgym.models.quoting import entries_said
from dreamgym.models.sheet import AT, HAND
from dreamgym.models.shown_lines import told
from dreamgym.models.slots import EMPTY, UNKNOWN, with_lines
from dreamgym.models.spoken import named

OVER = "the episode is over"
FILES = ("notes.txt", "picture.svg")
ENTER = "Enter"
FIRST, SECOND = named("[1]"), named("[2]")  # the element that is acted on, and what is filled in


class _RefusedError(Exception):
    """What the site says to an action that it does not take."""


@dataclass(slots=True)
class _Moment:
    """A turn: the lines of the sheet, and those that were looked at."""

    facts: Mapping[str, str]
    quotes: list[str] = field(default_factory=list)

    @property
    def page(self) -> str:
        return self.facts[AT]

    def look(self, key: str) -> str | None:
        """The line of ``key``, which is quoted."""
        if key not in self.quotes:
            self.quotes.append(key)
        return self.facts.get(key)

    def answer(self, page: str, hand: str = "", done: bool = False) -> Answer:
        """The page that is open now; the hand stays as it is where nothing is said of it."""
        changes = {AT: page, HAND: hand or self.facts[HAND], **({DONE: YES} if done else {})}
        return Answer(
            valid=True,
            next_state=named(page),
            changes=tuple((key, value) for key, value in changes.items() if self.facts[key] != value),
            reward=0.0,
            done=False,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What happens: the keys that decide it, the answer, and the answer as it names what stands elsewhere."""

    quotes: tuple[str, ...]
    answer: Answer
    written: Answer


def respond(sheet: Sheet, action: str) -> Response:
    """What the lines of ``sheet`` say happens."""
    moment = _Moment(dict(sheet.facts))
    try:
        answer = _act(moment, action)
    except (_RefusedError, ActionError) as error:
        text = f"error: {error}\n{named(moment.page)}"
        answer = Answer(valid=False, next_state=text, changes=(), reward=0.0, done=False)
    return Response(quotes=tuple(moment.quotes), answer=told(answer, sheet, action), written=answer)


def _act(moment: _Moment, action: str) -> Answer:
    call = read_action(action)
    if call.name == "send_msg_to_user":
        return _judged(moment, action)
    if call.name == "noop":
        return moment.answer(moment.page)
    if call.name == "scroll":
        down = call.numbers()[1]
        turned = moment.look(f"{moment.page} {DOWN if down > 0 else UP}") if down else moment.page
        return moment.answer(_known(turned))
    return _touch(moment, call)


def _judged(moment: _Moment, action: str) -> Answer:
    """The end, and whether all is said, done and open that was wanted."""
    wanted = moment.look(ANSWER) or ANY
    said = wanted == ANY or (wanted != UNKNOWN and bool(entries_said(wanted, action)[0]))
    did = moment.look(DONE) == YES
    here = moment.look(WHERE) == ANY or moment.look(f"{moment.page} {ENDS}") == RIGHT
    won = said and did and here
    return Answer(
        valid=True,
        next_state=OVER,
        changes=(),
        reward=float(won),
        done=won,
        check=conditions(said=said, did=did, here=here),
    )


def conditions(**holds: bool) -> str:
    """The check of a task, condition by condition: ``said no, did yes, here yes``."""
    return ", ".join(f"{name} {'yes' if held else 'no'}" for name, held in holds.items())


def _touch(moment: _Moment, call: Call) -> Answer:
    """An action on an element."""
    id = call.text(0)
    line = moment.look(element_key(moment.page, id))
    if line is None:
        raise _RefusedError(f"there is no element [{FIRST}]")
    kind, _, rest = _known(line).partition(", ")
    if call.name in ("fill", "clear"):
        if kind != FIELD:
            raise _RefusedError(f"[{FIRST}] takes no text")
        return moment.answer(_page(rest), with_entry(FIRST, SECOND if call.name == "fill" else EMPTY))
    if call.name == "select_option":
        return _selected(moment, kind, rest, call)
    if call.name == "upload_file":
        missing = f"there is no such file, the files are {', '.join(FILES)}"
        raise _RefusedError(f"[{FIRST}] takes no file" if call.text(1) in FILES else missing)
    enters = call.name == "press" and call.text(1) == ENTER
    if enters and kind == FIELD and ", by " in rest:
        by = rest.partition(", by ")[2]
        kind, _, rest = _known(moment.look(element_key(moment.page, by))).partition(", ")
    if (enters or call.name in ("click", "dblclick")) and kind in (LINK, BUTTON):
        return _followed(moment, rest)
    return moment.answer(_page(rest))


def _selected(moment: _Moment, kind: str, rest: str, call: Call) -> Answer:
    if kind != CHOICE or call.choices(1)[-1] not in rest.split(", ")[1:]:
        raise _RefusedError(f"[{FIRST}] has no such option")
    return moment.answer(_page(rest), with_entry(FIRST, SECOND))


def _followed(moment: _Moment, rest: str) -> Answer:
    """Where a link or a button leads; a form by what its fields hold."""
    rest = with_lines(rest, moment.facts[HAND], moment.facts.get)
    page = _page(_known(rest))
    return moment.answer(page, BLANK, done=rest.endswith(f", {GOAL}"))


def _page(rest: str) -> str:
    return rest.partition(", ")[0]


def _known(line: str | None) -> str:
    """``line``, where anybody knows it: a dream goes nowhere that no log has shown."""
    if line is None or line == UNKNOWN:
        raise _RefusedError(f"[{FIRST}] cannot be reached: it is hidden, covered or moving")
    return line
