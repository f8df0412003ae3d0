"""Reasoning traces R* of the shop (Eq. 5): what decided each answer, and what it changed in the sheet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dreamgym.core.data_structures import Sheet, Trajectory, Transition
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.taubench.guard import offered
from dreamgym.environments.taubench.notes.facts import (
    AT_FIRST,
    CUSTOMER,
    FORMS,
    HINT,
    HOLDS,
    LEFT,
    LINES,
    MANNER,
    NEXT,
    NOBODY,
    OWED,
    SPOILED,
    THOUGHT,
    WISH,
    impatient,
    line_of,
)
from dreamgym.environments.taubench.notes.naming import naming
from dreamgym.environments.taubench.shop_script import REFUSAL
from dreamgym.environments.taubench.shop_tools import TRANSFER
from dreamgym.environments.taubench.shop_user import IDENTITY, QUESTIONS
from dreamgym.environments.taubench.user import STOP
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import AT, HAND, INSIDE, NAME, NONE, NOTHING, line, value_of, with_changes

TAKEN_OVER = "a human takes over."
OVER = (STOP, TAKEN_OVER)  # how an episode ends, won or not
RESPOND = "respond "
NEED_USER = (*FORMS, "get_order", TRANSFER)  # refused before the user is found
_NAME = re.compile(r"\b[a-z]+ \d+\b")
_WORDS = re.compile(r"[a-z_]+|\d+")


def annotate(trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """Each turn of ``trajectory`` answered from the sheet as it stood before the turn."""
    looked: set[str] = set()
    for turn, transition in enumerate(trajectory.transitions):
        action = line_of(transition.action.text)
        answer = _answer(sheet, action, transition)
        first = "" if action in looked or not action.startswith(("find_", "get_", "list_")) else action
        looked.add(action)
        quotes = quoted_keys(sheet, action)
        yield AnnotatedTurn(
            sheet=sheet,
            action=transition.action.text,
            quotes=quotes,
            answer=answer,
            turn=turn,
            first_look=first if transition.valid else "",
            written=naming(answer, sheet, transition.action.text, quotes),
        )
        sheet = with_changes(sheet, answer.changes)


def quoted_keys(sheet: Sheet, action: str) -> tuple[str, ...]:
    """What the answer to ``action`` is decided by."""
    if action.startswith(RESPOND):
        return _quoted_by_customer(sheet, action.removeprefix(RESPOND))
    tool, *given = action.split(" ")
    if tool in NEED_USER and value_of(sheet, AT) == NOBODY:
        return (AT,)
    if tool == TRANSFER:
        return (AT, LEFT, OWED)
    if tool == "find_user":
        return _quoted_by_code(sheet, "".join(given[:1]), " ".join(given[1:3]))
    names = [name for name in dict.fromkeys(_NAME.findall(action)) if tool in LINES][:3]
    if tool == "list_kind":
        return tuple(given[:1])
    if tool in ("change_address", "change_payment"):
        names = names[:1]  # the new address or card is no key
    if tool in ("give_credit", "change_payment"):
        names.append(value_of(sheet, AT) or NONE)
    return (*names, HAND, LEFT) if tool in FORMS else tuple(names)


def _quoted_by_code(sheet: Sheet, name: str, code: str) -> tuple[str, ...]:
    """Whose code it is, whether that is who is named, and what is told of them."""
    if (whose := value_of(sheet, code)) is None or not name.isalpha():
        return (code,) if NAME.fullmatch(code) else ()
    named, user = f"{name}{INSIDE}{code}", whose.rpartition(", ")[2]
    return (code, named) if line(sheet, named) == NONE else (code, named, user)


def _quoted_by_customer(sheet: Sheet, content: str) -> tuple[str, ...]:
    """By what a customer decides what to say, in the order in which it listens."""
    words = _WORDS.findall(content.lower())
    if offered(content) is not None:
        return (WISH, THOUGHT, MANNER)
    if "done" in words or REFUSAL in words:
        return (OWED, LEFT, *NEXT.values(), MANNER)
    if any(word in words for word in IDENTITY):
        return (CUSTOMER, MANNER)
    if any(key in words for keys in QUESTIONS.values() for key in keys):
        return (WISH, THOUGHT, HINT, MANNER)
    return (WISH, OWED, MANNER)


def _answer(sheet: Sheet, action: str, transition: Transition) -> Answer:
    changes = _changes(sheet, action, transition.next_state) if transition.valid else {}
    known = {key: value for key, value in changes.items() if value_of(sheet, key) not in (None, value)}
    over = transition.next_state.endswith(OVER)
    after = with_changes(sheet, known.items())
    return Answer(
        valid=transition.valid,
        next_state=transition.next_state,
        changes=tuple(known.items()),
        reward=float(transition.reward > 0),
        done=transition.reward > 0,
        check=_check(after) if over else "",
    )


def _check(sheet: Sheet) -> str:
    """The two conditions of the reward, each by the one line that it hangs on."""
    done, said = (value_of(sheet, key) == NOTHING for key in (LEFT, OWED))
    return f"done {'yes' if done else 'no'}, said {'yes' if said else 'no'}"


def _changes(sheet: Sheet, action: str, answer: str) -> dict[str, str]:
    """The lines that a call sets, by what was answered to it."""
    tool, *_ = action.split(" ")
    if tool == "find_user":
        return {AT: answer.partition(":")[0]}
    if tool == TRANSFER:
        return {LEFT: _left_after(sheet, TRANSFER)}
    if tool in FORMS:
        return {**_record_changes(sheet, action), HAND: HOLDS, LEFT: _left_after(sheet, action)}
    if action.startswith(RESPOND):
        return _said(sheet, action.removeprefix(RESPOND), answer)
    return {}


def _left_after(sheet: Sheet, call: str) -> str:
    """What is still to be done after ``call`` was; what nobody wanted spoils it for good."""
    left = (value_of(sheet, LEFT) or NOTHING).split(", ")
    if call not in left:
        return SPOILED
    return ", ".join(line for line in left if line != call) or NOTHING


def _record_changes(sheet: Sheet, action: str) -> dict[str, str]:
    """How a change leaves the order, and the new item."""
    call = LINES[action.split(" ")[0]].read(action)
    if call is None:
        return {}
    order, arguments = str(call.arguments["order"]), call.arguments
    value = value_of(sheet, order)
    if value is None or ", total " not in value:
        return {}
    listed, rest = value.split(", total ")
    status, *items = listed.split(", ")
    total, payment, address = rest.split(", ")
    if call.name == "cancel_order":
        status = "cancelled"
    elif call.name == "change_address":
        address = f"to {arguments['address']}"
    elif call.name == "change_payment":
        payment = arguments["payment"]
    elif call.name == "return_item":
        items, total = [item for item in items if item != arguments["item"]], "less"
    elif call.name in ("change_item", "exchange_item"):
        items = [arguments["new_item"] if item == arguments["item"] else item for item in items]
        total = "other"
    return {
        order: ", ".join([status, *items, f"total {total}", payment, address]),
        **_sold(sheet, arguments.get("new_item", "")),
    }


def _sold(sheet: Sheet, item: str) -> dict[str, str]:
    value = value_of(sheet, item)
    return {item: value.replace("in stock", "sold")} if value is not None else {}


def _said(sheet: Sheet, content: str, answer: str) -> dict[str, str]:
    """What a customer's answer changes: what it allows, what it has corrected, what it wants next."""
    words = _WORDS.findall(content.lower())
    owed = [word for word in (value_of(sheet, OWED) or NOTHING).split(", ") if word not in words]
    changes = {HAND: HOLDS, OWED: ", ".join(owed) or NOTHING}
    if answer.endswith(": yes.") and (call := offered(content)) is not None:
        changes[HAND] = LINES[call.name].write(call)
    elif "i mean " in answer:
        changes[THOUGHT] = NONE
    elif ": and i want to " in answer:
        changes |= {new: value_of(sheet, old) or NONE for new, old in NEXT.items()}
        changes |= dict.fromkeys(NEXT.values(), NONE)
    elif "i do not understand" in answer or "not what i want" in answer or "takes too long" in answer:
        changes[MANNER] = impatient(value_of(sheet, MANNER) or "")
    elif any(word in words for word in IDENTITY):
        changes[CUSTOMER] = (value_of(sheet, CUSTOMER) or "").partition(AT_FIRST)[0]
    return changes
