"""Checks of the exercises to notebook 08."""

import math

from fer_utils.exercises import ask, passed, see, see_number


def amdahl(function) -> None:
    """Steps of known share, made a little faster, much faster, and free."""
    seconds = {"convolution": 6.0, "pooling": 1.5, "optimizer": 0.5}
    for step, factor, wanted in (("pooling", math.inf, 8 / 6.5), ("optimizer", math.inf, 8 / 7.5),
                                 ("convolution", 2, 8 / 5), ("convolution", 1, 1.0), ("pooling", 0.5, 8 / 9.5)):
        case = f"{seconds} and {step} {factor:g} times as fast"
        got = ask(function, seconds, step, factor, case=case, wanted="how many times as fast the loop is, one number")
        free = 8 / (8 - seconds[step])
        hints = {free: "what a step that takes no time gives", 1 / wanted: "the share of the time that is left"}
        see_number(got, wanted, case, hints)
    passed("Amdahl by hand: right for free steps, faster steps and a slower one.")


def epochs_until_paid(function) -> None:
    """Compilations that pay at once, after a whole and a broken number of epochs, and never."""
    for seconds, before, after, wanted in ((30, 20, 15, 6), (31, 20, 15, 7), (0, 20, 15, 0), (30, 20, 20, math.inf),
                                           (30, 20, 25, math.inf), (4, 20, 10, 1)):
        case = f"{seconds} s of compiling and epochs of {after} s instead of {before} s"
        got = ask(function, seconds, before, after, case=case, wanted="a number of epochs")
        see_number(got, wanted, case, {math.floor(seconds / (before - after)) if before > after else -1:
                                       "one epoch too few, for it has not paid by then"} if wanted != math.inf else {})
    passed("When has compiling paid? Right for six compilations, two of which never pay.")


def time_to(function) -> None:
    """Trainings that reach the target at once, late, exactly, for a while, and never."""
    accuracies, seconds = [0.50, 0.70, 0.68, 0.80, 0.79], [12.0, 10.0, 10.0, 11.0, 10.0]
    for target, wanted, why in ((0.69, 22.0, "epoch 2 is the first"), (0.80, 43.0, "epoch 4 reaches it exactly"),
                                (0.75, 43.0, "epoch 4 is the first"), (0.40, 12.0, "epoch 1 is the first"),
                                (0.90, math.inf, "no epoch reaches it, so math.inf")):
        case = f"accuracies {accuracies}, seconds {seconds} and the target {target}"
        got = ask(function, accuracies, seconds, target, case=case, wanted="seconds from the start, one number")
        see_number(got, wanted, f"{case} ({why})", {11.0: "one epoch's time alone", 10.0: "one epoch's time alone",
                                                   53.0: "the whole training's time"})
    passed("Time to accuracy: from the start to the first epoch that is good enough.")


def take_turns(function) -> None:
    """Two tasks on a clock of the check's own: the machine grows slower, and a first call takes longest."""
    for repeats in (3, 4):
        now, called = [0.0], []

        def task(name: str, cost: float, now=now, called=called):
            def run() -> None:
                first = name not in called
                called.append(name)
                now[0] += (100 if first else cost) + len(called)  # slower with every call

            return run

        def clock(now=now) -> float:
            return now[0]

        case = f"two tasks, a and b, and {repeats} repeats"
        got = ask(function, {"a": task("a", 5), "b": task("b", 7)}, repeats, clock, case=case, wanted="a dict of lists")
        see(isinstance(got, dict) and set(got) == {"a", "b"}, case, f"{type(got).__name__} came", "a dict of a and b")
        lengths = {name: len(times) for name, times in got.items()}
        see(set(lengths.values()) == {repeats}, case, f"{lengths} times came", f"{repeats} times of each")
        order = "".join(called)
        see(max(map(max, got.values())) < 100, case, f"the times {got['a']} of a came", "none of its first call, which "
            "warms up and is not measured")
        see("aaa" not in order and "bbb" not in order, case, f"the calls came in the order {order}",
            "turns, so that a machine that grows slower is unfair to none")
        known = [cost + k for k, cost in zip(range(3, 3 + 2 * repeats), [5, 7] * repeats, strict=True)]
        see(sorted(sum(map(list, got.values()), [])) == sorted(known) or order != "ab" * (repeats + 1), case,
            f"the times {got} came", "for each call the clock after it minus the clock before it")
    passed("A wrong way to measure: warmed up, in turns, every call timed by itself.")
