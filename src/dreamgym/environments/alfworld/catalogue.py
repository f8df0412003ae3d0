"""What ALFWorld's households hold: kinds, what fits where, and what lies where how often.

The tables were counted over the official games (ALFRED's 108 training rooms). A word is a kind as the text
shows it. ``ROOMS`` describes a room by two tables:

- receptacles: ``kind count:scenes ...``, in how many of the 27 rooms of this type the kind occurs that often;
- contents: ``kind w0 w1 w2 ... | receptacle weight ...``, the weights of 0, 1, 2 ... such things, and of
  where each of them lies.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """How many things of a kind a room holds, and where."""

    counts: tuple[int, ...]  # weight of 0, 1, 2 ... things
    places: dict[str, int]  # receptacle kind: weight


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A type of room: how often, how large, with what in it."""

    weight: int  # per cent of the rooms
    largest: int  # receptacles
    receptacles: dict[str, dict[int, int]]  # kind: {count: weight}
    contents: dict[str, Contents]
    essential: frozenset[str]  # at least one of each


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _rows(text: str) -> dict[str, str]:
    """``kind rest`` lines; a line that starts with a space continues the one above."""
    lines = text.strip("\n").replace("\n ", " ").splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def _weights(text: str) -> dict[str, int]:
    words = text.split()
    return {kind: int(weight) for kind, weight in zip(words[::2], words[1::2], strict=True)}


def _counts(text: str) -> dict[int, int]:
    return {int(count): int(weight) for count, weight in (pair.split(":") for pair in text.split())}


def _contents(text: str) -> Contents:
    counts, places = text.split("|")
    return Contents(counts=tuple(int(weight) for weight in counts.split()), places=_weights(places))


def _room(weight: int, largest: int, essential: str, receptacles: str, contents: str) -> Room:
    return Room(
        weight=weight,
        largest=largest,
        essential=_kinds(essential),
        receptacles={kind: _counts(rest) for kind, rest in _rows(receptacles).items()},
        contents={kind: _contents(rest) for kind, rest in _rows(contents).items()},
    )


FIXED = _kinds("desklamp houseplant television")  # seen, never taken
CLEANABLE = _kinds(
    "apple bowl butterknife cloth cup dishsponge egg fork kettle knife ladle lettuce mug pan plate pot "
    "potato soapbar spatula spoon tomato"
)
HEATABLE = _kinds("apple bread cup egg mug plate potato tomato")
COOLABLE = _kinds("apple bowl bread cup egg lettuce mug pan plate pot potato tomato winebottle")
TOGGLEABLE = _kinds("desklamp")
SLICEABLE = _kinds("apple bread egg lettuce potato tomato")
HOLDS_THINGS = _kinds("bowl box cup mug pan plate pot")
KNIVES = _kinds("butterknife knife")
DEVICES = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
OPENABLE = {"fridge": 100, "microwave": 100, "cabinet": 82, "drawer": 84, "safe": 84}  # per cent of them

CAN_CONTAIN = {kind: _kinds(rest) for kind, rest in _rows("""
armchair book box cellphone cloth creditcard keychain laptop newspaper pillow remotecontrol
bathtubbasin cloth dishsponge handtowel soapbar
bed book cellphone laptop pillow
cabinet book bowl box candle cd cloth cup dishsponge glassbottle handtowel kettle ladle mug newspaper pan
  peppershaker plate pot saltshaker soapbar soapbottle spraybottle tissuebox toiletpaper vase wateringcan
  winebottle
cart candle cloth dishsponge handtowel soapbar soapbottle spraybottle tissuebox toiletpaper
coffeemachine mug
coffeetable book bowl box candle cellphone creditcard keychain laptop newspaper pen pencil plate
  remotecontrol statue tissuebox vase watch wateringcan
countertop alarmclock apple book bowl bread butterknife candle cd cellphone cloth creditcard cup dishsponge
  egg fork glassbottle handtowel kettle keychain knife ladle laptop lettuce mug pan pen pencil peppershaker
  plate pot potato remotecontrol saltshaker soapbar soapbottle spatula spoon spraybottle statue tissuebox
  toiletpaper tomato vase winebottle
desk alarmclock book bowl box cd cellphone cloth creditcard keychain laptop mug pen pencil remotecontrol
  statue tissuebox vase watch wateringcan
diningtable alarmclock apple book bowl box bread butterknife candle cd cellphone cloth creditcard cup
  dishsponge egg fork glassbottle kettle keychain knife ladle laptop lettuce mug newspaper pan pen pencil
  peppershaker plate pot potato remotecontrol saltshaker soapbottle spatula spoon spraybottle statue
  tissuebox tomato vase watch wateringcan winebottle
drawer book butterknife candle cd cellphone cloth creditcard dishsponge fork handtowel keychain knife ladle
  newspaper pen pencil peppershaker remotecontrol saltshaker soapbar soapbottle spatula spoon spraybottle
  tissuebox toiletpaper watch wateringcan
dresser alarmclock book bowl box candle cd cellphone cloth creditcard keychain laptop mug newspaper pen
  pencil plate remotecontrol spraybottle statue tissuebox toiletpaper vase watch wateringcan
fridge apple bowl bread cup egg glassbottle lettuce mug pan plate pot potato tomato winebottle
garbagecan apple bread cd cloth dishsponge egg handtowel lettuce newspaper pen pencil potato soapbar
  soapbottle spraybottle tissuebox toiletpaper tomato winebottle
handtowelholder handtowel
laundryhamper cloth
microwave apple bowl bread cup egg glassbottle mug plate potato tomato
ottoman book box cellphone creditcard keychain laptop newspaper pillow remotecontrol
safe cd cellphone creditcard keychain statue vase
shelf alarmclock book bowl box candle cd cellphone cloth creditcard cup dishsponge glassbottle handtowel
  kettle keychain mug newspaper pen pencil peppershaker plate pot remotecontrol saltshaker soapbar
  soapbottle spraybottle statue tissuebox toiletpaper vase watch wateringcan winebottle
sidetable alarmclock apple book bowl box bread butterknife candle cd cellphone cloth creditcard cup
  dishsponge egg fork handtowel kettle keychain knife laptop lettuce mug newspaper pan pen pencil
  peppershaker plate pot potato remotecontrol saltshaker soapbar soapbottle spatula spoon spraybottle statue
  tissuebox toiletpaper tomato vase watch wateringcan winebottle
sinkbasin apple bowl butterknife cloth cup dishsponge egg fork glassbottle handtowel kettle knife ladle
  lettuce mug pan plate pot potato soapbar spatula spoon tomato
sofa book box cellphone creditcard keychain laptop newspaper pillow remotecontrol
stoveburner kettle pan pot
toilet candle cloth dishsponge handtowel soapbar soapbottle spraybottle tissuebox toiletpaper
toiletpaperhanger toiletpaper
towelholder towel
tvstand tissuebox
""").items()}

ROOMS = {
    "kitchen": _room(
        weight=48,
        largest=40,
        essential="countertop fridge garbagecan microwave sinkbasin",
        receptacles="""
cabinet 2:1 4:2 8:1 9:2 10:3 11:2 12:1 13:4 15:1 16:1 18:1 19:1 20:3 21:1 23:1 26:1 27:1
coffeemachine 1:27
countertop 1:5 2:11 3:8 4:3
diningtable 0:12 1:11 2:3 3:1
drawer 0:1 1:2 2:1 3:6 4:4 5:3 6:3 7:1 8:1 9:1 12:2 13:1 27:1
fridge 1:27
garbagecan 1:27
microwave 1:27
safe 0:26 1:1
shelf 0:23 3:4
sidetable 0:24 1:3
sinkbasin 1:27
stoveburner 4:26 6:1
toaster 1:27
""",
        contents="""
apple 1 34 32 33 1 | countertop 24 fridge 24 diningtable 15 microwave 13 garbagecan 12 sinkbasin 9 sidetable
  2
book 89 7 3 1 | countertop 64 cabinet 15 diningtable 12 drawer 6 shelf 4
bowl 0 35 34 30 1 | cabinet 36 countertop 21 fridge 21 diningtable 15 sinkbasin 3 microwave 3 shelf 2
bread 0 55 32 12 1 | countertop 56 diningtable 31 fridge 12 sidetable 1 garbagecan 1
butterknife 5 36 35 24 | countertop 58 diningtable 27 drawer 8 sinkbasin 6 sidetable 1
cellphone 89 4 4 3 | drawer 43 countertop 40 diningtable 17
creditcard 91 3 2 3 | countertop 46 drawer 37 shelf 17
cup 0 37 31 30 2 | cabinet 23 countertop 21 fridge 21 diningtable 15 sinkbasin 10 microwave 7 sidetable 2
  shelf 2
dishsponge 1 33 33 32 | countertop 26 cabinet 24 drawer 21 diningtable 13 sinkbasin 8 garbagecan 6 shelf 3
  sidetable 1
egg 1 34 34 30 1 | fridge 25 countertop 24 sinkbasin 13 garbagecan 13 diningtable 12 microwave 12 sidetable
  2
fork 2 34 34 29 | countertop 44 diningtable 24 drawer 22 sinkbasin 9 sidetable 2
glassbottle 76 8 8 8 | cabinet 31 countertop 27 diningtable 13 sinkbasin 10 fridge 9 garbagecan 7 shelf 3
houseplant 63 33 4 | countertop 77 diningtable 23
kettle 48 23 19 9 | stoveburner 42 countertop 26 cabinet 24 diningtable 7 sinkbasin 2
knife 2 37 34 26 | countertop 48 diningtable 25 drawer 21 sinkbasin 5 sidetable 1
ladle 65 12 13 9 | countertop 42 cabinet 25 drawer 17 diningtable 14 sinkbasin 2
lettuce 2 41 34 22 | countertop 41 diningtable 29 fridge 23 sinkbasin 5 sidetable 1 garbagecan 1
mug 2 37 36 24 1 | countertop 33 cabinet 19 fridge 16 diningtable 12 microwave 9 sinkbasin 7 shelf 2
  sidetable 1 coffeemachine 9
pan 0 69 26 5 | stoveburner 49 countertop 32 cabinet 9 diningtable 6 fridge 5
papertowelroll 65 35 | countertop 57 diningtable 17 garbagecan 15 shelf 9 sidetable 2
pen 93 2 2 2 | countertop 40 diningtable 35 drawer 20 garbagecan 5
pencil 93 3 3 1 | drawer 40 countertop 30 diningtable 20 garbagecan 9
peppershaker 0 30 33 37 | cabinet 33 countertop 31 diningtable 16 drawer 15 shelf 3 sidetable 2
plate 3 43 34 20 1 | cabinet 40 countertop 30 diningtable 16 fridge 9 sinkbasin 2 shelf 2 microwave 1
pot 0 53 37 9 | stoveburner 70 countertop 15 fridge 5 diningtable 5 cabinet 4 sinkbasin 1 shelf 1
potato 1 37 32 29 1 | countertop 29 fridge 26 diningtable 16 sinkbasin 11 microwave 10 garbagecan 6
  sidetable 1
saltshaker 0 35 33 31 1 | countertop 32 cabinet 32 diningtable 17 drawer 14 shelf 3 sidetable 2
soapbottle 1 36 34 29 | countertop 32 cabinet 30 diningtable 21 garbagecan 10 shelf 3 sidetable 1 drawer 1
spatula 0 36 36 27 | countertop 45 diningtable 25 drawer 21 sinkbasin 9 sidetable 1
spoon 1 34 34 30 | countertop 37 drawer 28 diningtable 22 sinkbasin 11 sidetable 2
spraybottle 93 2 3 2 | cabinet 33 countertop 33 diningtable 22 garbagecan 12
statue 85 6 8 2 | countertop 51 shelf 44 diningtable 5
tomato 1 34 32 32 1 | fridge 33 countertop 30 diningtable 20 garbagecan 9 sinkbasin 7 sidetable 2
vase 85 0 8 8 | countertop 34 shelf 32 cabinet 31 diningtable 3
winebottle 58 15 13 14 | countertop 37 cabinet 25 diningtable 24 garbagecan 9 shelf 3 fridge 2
""",
    ),
    "livingroom": _room(
        weight=16,
        largest=35,
        essential="coffeetable garbagecan sidetable sofa",
        receptacles="""
armchair 0:2 1:16 2:8 3:1
cabinet 0:24 1:1 4:1 8:1
coffeetable 0:4 1:18 2:5
desk 0:26 1:1
diningtable 0:13 1:11 2:3
drawer 0:6 1:6 2:1 4:6 6:2 7:3 8:1 12:1 21:1
dresser 0:18 1:8 2:1
garbagecan 1:27
ottoman 0:23 1:4
safe 0:26 1:1
shelf 0:17 1:1 2:1 3:1 4:1 5:1 6:1 8:2 13:1 14:1
sidetable 0:6 1:9 2:6 3:5 5:1
sofa 1:21 2:6
tvstand 0:15 1:10 2:2
""",
        contents="""
book 73 13 8 5 1 | coffeetable 29 dresser 24 sofa 16 armchair 11 sidetable 9 diningtable 9 drawer 2 tvstand
  1
bowl 89 5 4 2 | diningtable 39 coffeetable 27 tvstand 19 sidetable 8 shelf 7
box 14 59 22 5 | diningtable 26 sofa 25 coffeetable 23 sidetable 8 cabinet 4 dresser 4 shelf 4 armchair 3
  tvstand 3 ottoman 1 desk 1
candle 91 2 2 6 | sidetable 41 coffeetable 28 diningtable 20 tvstand 6 drawer 3 dresser 2
cellphone 78 8 7 7 | dresser 19 coffeetable 16 sidetable 16 drawer 13 sofa 13 diningtable 9 armchair 5
  ottoman 3 shelf 2 tvstand 2 desk 1
creditcard 0 27 33 37 3 | sofa 19 coffeetable 15 armchair 13 drawer 13 sidetable 11 diningtable 9 tvstand 7
  dresser 7 shelf 5 ottoman 1
desklamp 74 26 | sidetable 91 coffeetable 9
houseplant 34 66 | sidetable 52 coffeetable 26 dresser 11 diningtable 6 tvstand 5
keychain 8 40 33 18 | coffeetable 20 drawer 16 sidetable 16 sofa 13 armchair 9 tvstand 8 diningtable 7
  dresser 6 shelf 5 ottoman 1
laptop 0 65 27 8 | sofa 28 coffeetable 24 diningtable 21 dresser 8 sidetable 7 armchair 5 tvstand 5 ottoman
  2
newspaper 38 23 21 15 2 | sofa 20 coffeetable 17 diningtable 17 sidetable 14 shelf 11 dresser 8 armchair 7
  tvstand 3 drawer 2 ottoman 1
pen 80 6 7 7 | coffeetable 34 sidetable 22 dresser 21 tvstand 6 drawer 6 garbagecan 4 diningtable 4 shelf 4
pencil 83 6 5 5 | sidetable 33 coffeetable 29 drawer 10 dresser 7 garbagecan 6 tvstand 6 shelf 5 diningtable
  4
pillow 0 87 13 | sofa 80 armchair 19
plate 65 16 14 6 | diningtable 50 coffeetable 23 shelf 13 sidetable 11 tvstand 2 dresser 1
remotecontrol 2 33 35 25 4 | coffeetable 24 sofa 19 sidetable 13 diningtable 11 dresser 9 tvstand 8 armchair
  8 drawer 4 shelf 3 ottoman 1
statue 4 26 35 31 5 | coffeetable 25 diningtable 20 shelf 19 sidetable 19 tvstand 9 dresser 8
television 29 71 | tvstand 45 dresser 43 coffeetable 9 sidetable 3
tissuebox 66 9 12 12 1 | coffeetable 36 diningtable 20 sidetable 19 shelf 11 tvstand 7 drawer 3 dresser 2
  garbagecan 2
vase 51 6 11 18 14 | shelf 36 coffeetable 20 diningtable 15 sidetable 11 dresser 10 tvstand 6 cabinet 2
watch 50 13 19 18 | coffeetable 26 drawer 21 sidetable 18 diningtable 11 tvstand 10 dresser 10 shelf 4
wateringcan 91 5 2 1 | coffeetable 53 shelf 38 sidetable 9
""",
    ),
    "bedroom": _room(
        weight=18,
        largest=27,
        essential="bed desk drawer garbagecan",
        receptacles="""
armchair 0:21 1:4 2:1 3:1
bed 1:23 2:4
cabinet 0:23 1:1 2:1 4:2
countertop 0:26 1:1
desk 0:9 1:16 2:2
diningtable 0:23 1:4
drawer 0:1 2:7 3:3 4:2 5:4 6:2 8:1 10:2 11:2 13:1 16:1 17:1
dresser 0:14 1:11 2:2
garbagecan 1:27
laundryhamper 0:20 1:7
safe 0:23 1:4
shelf 0:9 1:6 2:3 5:3 6:1 7:1 8:1 9:1 12:1 14:1
sidetable 0:9 1:12 2:6
""",
        contents="""
alarmclock 1 48 32 18 2 | desk 34 shelf 21 sidetable 19 dresser 17 diningtable 7 countertop 1
book 0 42 32 23 3 | bed 51 desk 19 drawer 12 dresser 5 sidetable 4 cabinet 3 diningtable 2 armchair 2 shelf
  2
bowl 54 27 13 5 1 | desk 43 shelf 30 dresser 14 diningtable 6 sidetable 4 countertop 2
box 91 8 | desk 57 shelf 43
cd 7 36 28 27 2 | drawer 28 desk 20 dresser 14 sidetable 13 garbagecan 8 shelf 7 diningtable 6 cabinet 2
  armchair 2
cellphone 0 31 34 32 3 | bed 29 desk 18 drawer 17 dresser 10 sidetable 10 shelf 8 diningtable 3 armchair 3
  safe 1 cabinet 1 countertop 1
creditcard 0 32 34 34 1 | drawer 30 shelf 18 desk 17 sidetable 16 dresser 12 diningtable 3 armchair 3
  countertop 1
desklamp 29 67 4 | desk 36 sidetable 29 dresser 25 shelf 11
houseplant 77 23 | shelf 51 desk 19 cabinet 19 dresser 11
keychain 3 33 34 30 1 | drawer 27 desk 18 sidetable 16 shelf 16 dresser 14 diningtable 4 armchair 3 safe 2
  cabinet 1
laptop 0 52 35 13 | bed 74 desk 18 dresser 4 diningtable 2 armchair 1 countertop 1
mug 50 20 17 13 | desk 36 shelf 18 sidetable 16 dresser 15 diningtable 10 cabinet 4 countertop 2
pen 0 29 34 36 1 | desk 28 drawer 18 shelf 16 dresser 15 sidetable 14 diningtable 7 garbagecan 2 countertop
  1
pencil 0 33 34 31 1 | desk 24 drawer 18 sidetable 18 shelf 17 dresser 12 diningtable 6 garbagecan 5
  countertop 1
pillow 0 42 47 10 | bed 99 armchair 1
remotecontrol 88 4 4 3 | drawer 34 desk 29 sidetable 14 countertop 8 armchair 6 diningtable 5 dresser 3
  shelf 1
statue 86 10 4 1 | shelf 44 dresser 26 desk 25 sidetable 5
teddybear 73 27 | bed 100
television 97 3 | dresser 100
tissuebox 86 6 5 3 | desk 38 drawer 25 diningtable 15 shelf 12 sidetable 9 dresser 2
vase 94 1 3 2 | shelf 45 dresser 35 desk 11 sidetable 9
watch 93 2 3 2 | drawer 31 shelf 20 diningtable 16 desk 15 dresser 12 sidetable 6
""",
    ),
    "bathroom": _room(
        weight=18,
        largest=21,
        essential="countertop garbagecan handtowelholder sinkbasin toilet toiletpaperhanger towelholder",
        receptacles="""
bathtubbasin 0:8 1:19
cabinet 0:14 2:1 3:1 4:8 5:2 9:1
cart 0:25 1:2
countertop 0:4 1:19 2:4
drawer 0:12 1:2 2:3 4:4 6:2 8:4
dresser 0:25 1:2
garbagecan 1:27
handtowelholder 1:16 2:10 4:1
shelf 0:20 1:3 2:2 3:1 4:1
sidetable 0:25 1:2
sinkbasin 1:14 2:13
toilet 1:27
toiletpaperhanger 1:27
towelholder 1:19 2:8
""",
        contents="""
candle 3 37 35 25 1 | countertop 31 toilet 30 cabinet 13 drawer 13 shelf 7 sidetable 2 cart 2 dresser 1
cloth 0 36 33 29 2 | bathtubbasin 30 cabinet 20 countertop 16 drawer 15 sinkbasin 8 shelf 5 toilet 3 cart 2
  dresser 1
dishsponge 77 6 8 7 1 | countertop 19 drawer 19 bathtubbasin 19 sinkbasin 11 shelf 9 toilet 8 cart 6 cabinet
  5 garbagecan 4
handtowel 0 81 19 | handtowelholder 96 countertop 4
houseplant 96 4 | sidetable 100
papertowelroll 87 13 | countertop 34 toilet 32 shelf 16 garbagecan 11 cart 6
soapbar 3 36 30 28 4 | countertop 20 toilet 15 sinkbasin 15 cabinet 12 bathtubbasin 12 drawer 11 garbagecan
  7 shelf 4 sidetable 2 cart 1
soapbottle 4 38 34 23 2 | countertop 30 toilet 24 cabinet 21 shelf 10 garbagecan 9 drawer 3 dresser 2
  sidetable 1 cart 1
spraybottle 0 35 31 32 3 | countertop 32 toilet 26 cabinet 16 garbagecan 10 shelf 7 cart 4 sidetable 3
  dresser 2
tissuebox 75 11 7 6 1 | countertop 35 shelf 30 drawer 20 cabinet 5 cart 4 sidetable 4 toilet 2
toiletpaper 1 23 56 19 1 | toilet 23 countertop 22 toiletpaperhanger 12 cabinet 12 drawer 11 garbagecan 9
  shelf 6 dresser 2 cart 2 sidetable 1
towel 0 86 14 | towelholder 98 countertop 2
""",
    ),
}

RECEPTACLE_KINDS = tuple(sorted({kind for room in ROOMS.values() for kind in room.receptacles}))
THING_KINDS = tuple(sorted({kind for room in ROOMS.values() for kind in room.contents}))
