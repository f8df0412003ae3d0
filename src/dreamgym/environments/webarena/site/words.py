"""The words that the sites are made of: few and common, so that a small model can learn to dream them."""

from __future__ import annotations

COLOURS = ("red", "blue", "green", "white", "black", "brown")
NOUNS = {
    "kitchen": ("pan", "cup", "bowl", "plate", "knife"),
    "garden": ("pot", "hose", "rake", "bench", "lantern"),
    "office": ("lamp", "chair", "desk", "clock", "shelf"),
    "toys": ("ball", "kite", "doll", "train", "drum"),
}
CATEGORIES = tuple(NOUNS)
PEOPLE = ("emma", "noah", "olivia", "liam", "ava", "lucas", "mia", "leo")
PASSWORDS = ("maple", "river", "stone", "cloud", "forest", "harbor")
CITIES = ("paris", "london", "rome", "berlin", "oslo", "madrid", "vienna", "lisbon")
STATUSES = ("pending", "shipped", "canceled")
MONTHS = ("january", "february", "march", "april", "may", "june")
FORUMS = ("books", "music", "travel", "food")
THINGS = {
    "books": ("novel", "poem", "story", "comic", "diary"),
    "music": ("song", "band", "album", "guitar", "piano"),
    "travel": ("beach", "hotel", "train", "island", "museum"),
    "food": ("soup", "bread", "cake", "salad", "cheese"),
}
ADJECTIVES = ("best", "new", "old", "cheap", "strange", "favorite")
OCCASIONS = ("summer", "winter", "today", "beginners", "friends", "weekends")
REMARKS = ("thank you", "i agree", "not for me", "very good", "tell me more", "what a surprise")
BIOS = ("i like tea", "i paint", "i run every day", "i have two cats", "i read a lot")
ADMIN, ADMIN_PASSWORD = "admin", "castle"
