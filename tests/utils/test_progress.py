"""Bars in a terminal, plain lines elsewhere; what is shown is never read as markup."""

import io

from rich.console import Console

from dreamgym.utils.progress import PlainReporter, RichReporter, make_reporter


def test_elsewhere_a_long_stage_speaks_now_and_then():
    lines: list[str] = []
    reporter = PlainReporter(lines.append, every=0.0)
    with reporter.stage("iteration 1, dreamed", 3) as advance:
        advance()
        advance()
    reporter.line("iteration 1 of 2")
    said = [line.split("] ")[1] for line in lines]
    assert said == ["iteration 1, dreamed: 1 of 3", "iteration 1, dreamed: 2 of 3", "iteration 1 of 2"]


def test_a_short_stage_is_silent():
    lines: list[str] = []
    with PlainReporter(lines.append).stage("evaluation", 1) as advance:
        advance()
    assert lines == []


def test_in_a_terminal_a_bar_comes_and_goes_and_lines_stay():
    screen = io.StringIO()
    reporter = RichReporter(Console(file=screen, force_terminal=True, width=80))
    with reporter.stage("evaluation, real", 2) as advance:
        advance()
        advance()
        reporter.line("[bold]data/checkpoints[/bold]")
    assert "evaluation, real" in screen.getvalue()
    assert "2/2" in screen.getvalue()
    assert "[bold]data/checkpoints[/bold]" in screen.getvalue()


def test_a_pipe_is_no_terminal():
    assert isinstance(make_reporter(), PlainReporter)
