"""An environment as its folder gives it to the seams: a corridor of doors, one of which is the right one."""
