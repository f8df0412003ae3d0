"""The tools of tau-bench's airline domain that change reservations and users."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dreamgym.environments.taubench.airline import READING
from dreamgym.environments.taubench.database import Database, Record
from dreamgym.environments.taubench.tools import Arguments, Function, record, refuse

NOW = "2024-05-15T15:00:00"
NEW_RESERVATIONS = ("HATHAT", "HATHAU", "HATHAV")
NEW_CERTIFICATES = ("certificate_3221322", "certificate_3221323", "certificate_3221324")
BAG_PRICE = 50
INSURANCE_PRICE = 30


def book_reservation(database: Database, arguments: Arguments) -> str:
    """Book flights for passengers; what is paid must be exactly the price."""
    user_id, methods = arguments["user_id"], arguments["payment_methods"]
    user = record(database, "users", user_id, "user")
    taken = database.table("reservations")
    reservation_id = next((id for id in NEW_RESERVATIONS if id not in taken), NEW_RESERVATIONS[-1])
    people = len(arguments["passengers"])
    flights = [_booked(database, flight, arguments["cabin"], people) for flight in arguments["flights"]]
    price = sum(flight["price"] for flight in flights) * people
    price += INSURANCE_PRICE * people if arguments["insurance"] == "yes" else 0
    price += BAG_PRICE * arguments["nonfree_baggages"]
    _check_payments(user, methods, price)
    _pay(database.edit("users", user_id), methods)
    reservation = {
        "reservation_id": reservation_id,
        "user_id": user_id,
        **{name: arguments[name] for name in ("origin", "destination", "flight_type", "cabin")},
        "flights": flights,
        "passengers": [dict(passenger) for passenger in arguments["passengers"]],
        "payment_history": [dict(method) for method in methods],
        "created_at": NOW,
        **{name: arguments[name] for name in ("total_baggages", "nonfree_baggages", "insurance")},
    }
    database.put("reservations", reservation_id, reservation)
    database.edit("users", user_id)["reservations"].append(reservation_id)
    return json.dumps(reservation)


def cancel_reservation(database: Database, arguments: Arguments) -> str:
    """Cancel a reservation; every payment is reversed."""
    record(database, "reservations", arguments["reservation_id"], "reservation")
    reservation = database.edit("reservations", arguments["reservation_id"])
    history = reservation["payment_history"]
    history += [{"payment_id": paid["payment_id"], "amount": -paid["amount"]} for paid in history]
    reservation["status"] = "cancelled"
    return json.dumps(reservation)


def send_certificate(database: Database, arguments: Arguments) -> str:
    """Give a user a certificate; there are three of them."""
    user_id, amount = arguments["user_id"], arguments["amount"]
    methods = record(database, "users", user_id, "user")["payment_methods"]
    id = next((id for id in NEW_CERTIFICATES if id not in methods), None)
    if id is None:
        refuse("no certificate is left")
    methods = database.edit("users", user_id)["payment_methods"]
    methods[id] = {"source": "certificate", "amount": amount, "id": id}
    return f"Certificate {id} added to user {user_id} with amount {amount}."


def update_reservation_baggages(database: Database, arguments: Arguments) -> str:
    """Other bags; those that are not free and new are paid."""
    reservation = record(database, "reservations", arguments["reservation_id"], "reservation")
    price = BAG_PRICE * max(0, arguments["nonfree_baggages"] - reservation["nonfree_baggages"])
    reservation = _charge(database, reservation, arguments, price)
    reservation["total_baggages"] = arguments["total_baggages"]
    reservation["nonfree_baggages"] = arguments["nonfree_baggages"]
    return json.dumps(reservation)


def update_reservation_flights(database: Database, arguments: Arguments) -> str:
    """Other flights or another cabin; the difference is paid or paid back."""
    reservation = record(database, "reservations", arguments["reservation_id"], "reservation")
    people, cabin = len(reservation["passengers"]), arguments["cabin"]
    flights = [
        _kept(reservation, flight, cabin) or _booked(database, flight, cabin, people)
        for flight in arguments["flights"]
    ]
    before = sum(flight["price"] for flight in reservation["flights"])
    price = (sum(flight["price"] for flight in flights) - before) * people
    reservation = _charge(database, reservation, arguments, price)
    reservation["flights"] = flights  # seats stay as they are: that takes time, says the original
    return json.dumps(reservation)


def update_reservation_passengers(database: Database, arguments: Arguments) -> str:
    """Other names for as many passengers."""
    reservation = record(database, "reservations", arguments["reservation_id"], "reservation")
    if len(arguments["passengers"]) != len(reservation["passengers"]):
        refuse("number of passengers does not match")
    reservation = database.edit("reservations", arguments["reservation_id"])
    reservation["passengers"] = [dict(passenger) for passenger in arguments["passengers"]]
    return json.dumps(reservation)


def _booked(database: Database, wanted: Mapping[str, str], cabin: str, people: int) -> Record:
    """The flight as a reservation has it, where there are seats."""
    number, date = wanted["flight_number"], wanted["date"]
    flight = record(database, "flights", number, f"flight {number}")
    day = flight["dates"].get(date) or refuse(f"flight {number} not found on date {date}")
    if day["status"] != "available":
        refuse(f"flight {number} not available on date {date}")
    if day["available_seats"][cabin] < people:
        refuse(f"not enough seats on flight {number}")
    ends = {"origin": flight["origin"], "destination": flight["destination"]}
    return {**wanted, "price": day["prices"][cabin], **ends}


def _kept(reservation: Record, wanted: Mapping[str, str], cabin: str) -> Record | None:
    """The flight as it was booked, where neither it nor the cabin changes: its price stays."""
    for flight in reservation["flights"]:
        same = flight["flight_number"] == wanted["flight_number"] and flight["date"] == wanted["date"]
        if same and cabin == reservation["cabin"]:
            return {**wanted, **{name: flight[name] for name in ("price", "origin", "destination")}}
    return None


def _check_payments(user: Record, payments: Sequence[Record], price: float) -> None:
    for payment in payments:
        id, methods = payment["payment_id"], user["payment_methods"]
        method = methods[id] if id in methods else refuse(f"payment method {id} not found")
        if method["source"] in ("gift_card", "certificate") and method["amount"] < payment["amount"]:
            refuse(f"not enough balance in payment method {id}")
    paid = sum(payment["amount"] for payment in payments)
    if paid != price:
        refuse(f"payment amount does not add up, total price is {price}, but paid {paid}")


def _pay(user: Record, payments: Sequence[Record]) -> None:
    """Gift cards lose the amount, certificates are gone, credit cards do not care."""
    for payment in payments:
        method = user["payment_methods"][payment["payment_id"]]
        if method["source"] == "gift_card":
            method["amount"] -= payment["amount"]
        elif method["source"] == "certificate":
            del user["payment_methods"][payment["payment_id"]]


def _charge(database: Database, reservation: Record, arguments: Arguments, price: float) -> Record:
    """The reservation to be changed, once the change is paid."""
    user_id, payment_id = reservation["user_id"], arguments["payment_id"]
    methods = database.table("users")[user_id]["payment_methods"]
    method = methods[payment_id] if payment_id in methods else refuse("payment method not found")
    if method["source"] == "certificate":
        refuse("certificate cannot be used to update reservation")
    if method["source"] == "gift_card":
        if method["amount"] < price:
            refuse("gift card balance is not enough")
        database.edit("users", user_id)["payment_methods"][payment_id]["amount"] -= price
    reservation = database.edit("reservations", arguments["reservation_id"])
    if price != 0:
        reservation["payment_history"].append({"payment_id": payment_id, "amount": price})
    return reservation


TOOLS: dict[str, Function] = {
    **READING,
    "book_reservation": book_reservation,
    "cancel_reservation": cancel_reservation,
    "send_certificate": send_certificate,
    "update_reservation_baggages": update_reservation_baggages,
    "update_reservation_flights": update_reservation_flights,
    "update_reservation_passengers": update_reservation_passengers,
}
