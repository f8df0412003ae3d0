"""retail and airline: every recorded answer and every final database of the original."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import Any

import pytest

from dreamgym.core.errors import DataError
from dreamgym.environments.base_env import StepResult
from dreamgym.environments.taubench.calls import ToolCall, respond
from dreamgym.environments.taubench.database import Base, Database
from dreamgym.environments.taubench.env import TaubenchEnv
from dreamgym.environments.taubench.official import TABLES, load_domain
from dreamgym.environments.taubench.official_tasks import load_scripts
from dreamgym.environments.taubench.panels import panel, task_named
from taubench_data import DATA, FOLDER, needs_taubench, recorded

MANY_TURNS = 60  # more than tau-bench allows, so that a whole reference solution and the user's words fit


def play(name: str, actions: list[str]) -> tuple[list[StepResult], str]:
    """The answers to ``actions`` and the database's hash after them."""

    async def episode() -> tuple[list[StepResult], str]:
        environment = TaubenchEnv(MANY_TURNS, DATA)
        await environment.reset(task_named(name, DATA), 0)
        answers = [await environment.step(action) for action in actions]
        return answers, environment.report()["db_hash"]

    return asyncio.run(episode())


@needs_taubench
@pytest.mark.parametrize("domain", ["airline", "retail"])
def test_every_recorded_answer_and_every_final_hash_is_the_original_s(domain: str) -> None:
    for trace in recorded(domain):
        calls = [ToolCall(name=name, arguments=arguments) for name, arguments, _ in trace["steps"]]
        task = f"{domain}:{trace['split']}:{trace['i']}"
        answers, db_hash = play(task, [call.to_json() for call in calls])
        assert [answer.observation.text for answer in answers] == [step[2] for step in trace["steps"]], task
        assert db_hash == trace["db_hash"], task


TRANSFER = "transfer_to_human_agents"


@needs_taubench
@pytest.mark.parametrize("name", ["retail:test", "retail:dev", "airline:test"])
def test_the_reference_solution_wins(name: str) -> None:
    for script in load_scripts(FOLDER, *name.split(":")):
        says = respond(f"Is it {' '.join(script.outputs)}?")
        calls = [call for call in script.calls if call.name != TRANSFER]
        end = (
            ToolCall(name=TRANSFER, arguments={"summary": "?"})
            if calls != [*script.calls]
            else respond("Bye.")
        )
        *before, last = play(script.id, [call.to_json() for call in (says, *calls, end)])[0]
        assert (last.won, last.terminated, last.reward) == (True, True, 1), script.id
        assert not any(answer.reward or answer.terminated for answer in before)


@needs_taubench
@pytest.mark.parametrize("name", ["retail:test", "airline:test"])
def test_nothing_less_than_the_reference_solution_wins(name: str) -> None:
    """Without its last change, or without what must be said, no task is won."""
    lost = 0
    for script in load_scripts(FOLDER, *name.split(":")):
        actions = [call.to_json() for call in script.calls if call.name != TRANSFER]
        before = [play(script.id, actions[:number])[1] for number in range(len(actions) + 1)]
        changes = [number for number in range(len(actions)) if before[number] != before[number + 1]]
        if script.outputs:
            assert not play(script.id, [*actions, respond("Bye.").to_json()])[0][-1].won
        if changes:
            lost += 1
            said = respond(f"Is it {' '.join(script.outputs)}?").to_json()
            short = [said, *actions[: changes[-1]], respond("Bye.").to_json()]
            assert not play(script.id, short)[0][-1].won, script.id
    assert lost > 20


@needs_taubench
def test_the_hash_is_that_of_nested_sorted_tuples() -> None:
    """By another way to the same text: the whole database, converted at once."""

    def hashable(value: Any) -> Any:
        if isinstance(value, dict):
            return tuple(sorted((key, hashable(inner)) for key, inner in value.items()))
        return tuple(map(hashable, value)) if isinstance(value, list) else value

    tables = {
        name: json.loads((FOLDER / "airline" / f"{name}.json").read_text()) for name in TABLES["airline"]
    }
    database = Database(load_domain(FOLDER, "airline").base)
    assert database.hash == sha256(str(hashable(tables)).encode()).hexdigest()
    database.edit("users", "mia_li_3668")["name"]["first_name"] = "Nia"
    tables["users"]["mia_li_3668"]["name"]["first_name"] = "Nia"
    assert database.hash == sha256(str(hashable(tables)).encode()).hexdigest()


def test_a_database_is_shared_and_never_changed() -> None:
    base = Base({"users": {"a": {"cards": [1]}, "b": {"cards": []}}, "one": {"x": {"y": 1}}})
    one, other = Database(base), Database(base)
    before = other.hash
    one.edit("users", "a")["cards"].append(2)
    one.put("users", "c", {"cards": [3]})
    copy = one.copy()
    one.edit("users", "a")["cards"].append(4)
    assert base.tables["users"] == {"a": {"cards": [1]}, "b": {"cards": []}}
    assert list(one.table("users")) == ["a", "b", "c"]
    assert copy.table("users")["a"] == {"cards": [1, 2]}
    assert other.hash == before != one.hash != copy.hash
    assert one.changes() == {
        ("users", "a"): "(('cards', (1, 2, 4)),)",
        ("users", "c"): "(('cards', (3,)),)",
    }
    one.edit("users", "a")["cards"][:] = [1]
    assert set(one.changes()) == {("users", "c")}


def test_a_change_that_is_taken_back_hashes_like_none() -> None:
    database = Database(Base({"users": {"a": {"n": 1}}}))
    before = database.hash
    database.edit("users", "a")["n"] = 2
    assert database.hash != before
    database.edit("users", "a")["n"] = 1
    assert database.hash == before
    database.edit("users", "a")["n"] = 1.0  # equal in Python, another text in the original's hash
    assert database.hash != before


@needs_taubench
@pytest.mark.parametrize(
    ("name", "call", "answer"),
    [
        ("retail:test:0", ("get_order_details", {"order_id": "#W0"}), "Error: order not found"),
        ("retail:test:0", ("get_user_details", {"user_id": "no"}), "Error: user not found"),
        ("retail:test:0", ("delete_everything", {}), "Unknown action delete_everything"),
        ("retail:test:0", ("get_order_details", {}), "Error: order_id is missing"),
        (
            "retail:test:0",
            ("get_order_details", {"order_id": 7}),
            "Error: order_id is integer, string was wanted",
        ),
        (
            "airline:test:0",
            ("book_reservation", {"user_id": []}),
            "Error: origin, destination, flight_type, cabin, flights, passengers, payment_methods, "
            "total_baggages, nonfree_baggages, insurance is missing",
        ),
        (
            "airline:test:0",
            ("get_user_details", {"user_id": "mia_li_3668", "a" * 90: 1}),
            f"Error: there is no argument '{'a' * 40}'",
        ),
        (
            "retail:test:0",
            ("get_order_details", {"order_id": "#W2378156", "force": True}),
            "Error: there is no argument 'force'",
        ),
        (
            "retail:test:0",
            ("cancel_pending_order", {"order_id": "#W2378156", "reason": "ordered by mistake"}),
            "Error: non-pending order cannot be cancelled",
        ),
        (
            "retail:test:0",
            ("calculate", {"expression": "2 + __import__"}),
            "Error: invalid characters in expression",
        ),
        (
            "airline:test:0",
            (
                "search_direct_flight",
                {"origin": "JFK", "destination": "nowhere", "date": "2024-05-20"},
            ),
            "[]",
        ),
        (
            "airline:test:0",
            ("send_certificate", {"user_id": "mia_li_3668", "amount": True}),
            "Error: amount is boolean, number was wanted",
        ),
    ],
)
def test_what_cannot_be_done_is_answered_by_its_reason(
    name: str, call: tuple[str, dict[str, Any]], answer: str
) -> None:
    before, after = play(name, []), play(name, [ToolCall(name=call[0], arguments=call[1]).to_json()])
    assert after[0][0].observation.text == answer
    assert after[0][0].reward == 0
    assert not after[0][0].terminated
    assert after[1] == before[1]


@needs_taubench
def test_the_user_is_open_agrees_and_leaves() -> None:
    async def episode() -> None:
        environment = TaubenchEnv(MANY_TURNS, DATA)
        task = task_named("retail:test:0", DATA)
        opening = await environment.reset(task, 0)
        assert opening.text == load_scripts(FOLDER, "retail", "test")[0].instruction
        assert opening.text not in task.instruction
        assert "cancel_pending_order(" in task.instruction
        answer = await environment.step(respond("Shall I do it?").to_json())
        assert (answer.observation.text, answer.terminated) == ("Yes.", False)
        answer = await environment.step(respond("Nothing can be done.").to_json())
        assert answer.observation.text == "###STOP###"
        assert (answer.terminated, answer.won, answer.reward) == (True, False, 0)

    asyncio.run(episode())


@needs_taubench
@pytest.mark.parametrize(
    "name", ["retail:test:115", "retail:test:-1", "retail:test", "bank:test:0", "airline:dev:0", ""]
)
def test_a_task_that_is_nowhere_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(DataError, match="retail:test"):
        task_named(name, DATA)


@needs_taubench
def test_the_official_panels_have_their_tasks() -> None:
    sizes = {"retail:train": 500, "retail:dev": 20, "retail:test": 115, "airline:test": 50}
    assert {name: len(panel(name, None, DATA).tasks) for name in sizes} == sizes
    assert panel("retail:test", 3, DATA).tasks == panel("retail:test", None, DATA).tasks[:3]
    with pytest.raises(ValueError, match="has 50 tasks, not 51"):
        panel("airline:test", 51, DATA)
