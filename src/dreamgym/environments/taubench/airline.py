"""The tools of tau-bench's airline domain that look things up."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dreamgym.environments.taubench.database import Database, Record
from dreamgym.environments.taubench.retail import SHARED
from dreamgym.environments.taubench.tools import Arguments, Function, refuse

AIRPORTS = {
    "SFO": "San Francisco",
    "JFK": "New York",
    "LAX": "Los Angeles",
    "ORD": "Chicago",
    "DFW": "Dallas",
    "DEN": "Denver",
    "SEA": "Seattle",
    "ATL": "Atlanta",
    "MIA": "Miami",
    "BOS": "Boston",
    "PHX": "Phoenix",
    "IAH": "Houston",
    "LAS": "Las Vegas",
    "MCO": "Orlando",
    "EWR": "Newark",
    "CLT": "Charlotte",
    "MSP": "Minneapolis",
    "DTW": "Detroit",
    "PHL": "Philadelphia",
    "LGA": "LaGuardia",
}
ARRIVES_NEXT_DAY = "+1"


def get_reservation_details(database: Database, arguments: Arguments) -> str:
    """The reservation as JSON."""
    found = database.table("reservations").get(arguments["reservation_id"])
    if found is None:
        refuse("user not found")  # the original's words
    return json.dumps(found)


def list_all_airports(database: Database, arguments: Arguments) -> str:
    """Codes and cities."""
    return json.dumps(AIRPORTS)


def search_direct_flight(database: Database, arguments: Arguments) -> str:
    """Flights between two airports that can be booked on a day."""
    flights, date = database.table("flights").values(), arguments["date"]
    between = [
        flight
        for flight in flights
        if flight["origin"] == arguments["origin"] and flight["destination"] == arguments["destination"]
    ]
    return json.dumps([_on_day(flight, date) for flight in between if _bookable(flight, date)])


def search_onestop_flight(database: Database, arguments: Arguments) -> str:
    """Pairs of flights over a third airport that can be booked; the second may leave on the next day."""
    flights, date = database.table("flights").values(), arguments["date"]
    onward: dict[str, list[Record]] = {}
    for flight in flights:
        if flight["destination"] == arguments["destination"]:
            onward.setdefault(flight["origin"], []).append(flight)
    pairs = []
    for first in flights:
        if first["origin"] != arguments["origin"]:
            continue
        for second in onward.get(first["destination"], ()):
            if (pair := _pair(first, second, date)) is not None:
                pairs.append(pair)
    return json.dumps(pairs)


def _pair(first: Record, second: Record, date: str) -> list[Record] | None:
    """The two flights, where the second is still there when the first arrives and both can be booked."""
    late = ARRIVES_NEXT_DAY in first["scheduled_arrival_time_est"]
    onward_date = f"2024-05-{int(date[-2:]) + 1}" if late else date
    if first["scheduled_arrival_time_est"] > second["scheduled_departure_time_est"]:
        return None
    if not _bookable(first, date) or not _bookable(second, onward_date):
        return None
    # seats and prices of the second flight are those of the first day, as the original tells them
    return [_on_day(first, date, date), _on_day(second, date, onward_date)]


def _bookable(flight: Record, date: str) -> bool:
    return date in flight["dates"] and flight["dates"][date]["status"] == "available"


def _on_day(flight: Record, date: str, told: str | None = None) -> Record:
    """The flight with what is known of it on ``date``, and ``told`` as its date."""
    always: Mapping[str, object] = {name: value for name, value in flight.items() if name != "dates"}
    return {**always, **flight["dates"][date], **({} if told is None else {"date": told})}


READING: dict[str, Function] = {
    **SHARED,
    "get_reservation_details": get_reservation_details,
    "list_all_airports": list_all_airports,
    "search_direct_flight": search_direct_flight,
    "search_onestop_flight": search_onestop_flight,
}
