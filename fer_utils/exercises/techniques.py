"""Checks of the exercises to notebook 06."""

import numpy as np

from fer_utils.evaluation import mean_interval
from fer_utils.exercises import ask, passed, see, see_array, see_number


def pairs_needed(function) -> None:
    """Spreads and widths for which the smallest number of pairs is known."""
    for s, half, wanted, normal in ((0.005, 0.005, 7, 4), (0.01, 0.005, 18, 16), (0.02, 0.005, 64, 62),
                                    (0.001, 0.005, 3, 2), (0.01, 0.01, 7, 4)):
        case = f"differences with a standard deviation of {s} and an interval of ± {half}"
        got = ask(function, s, half, case=case, wanted="the number of pairs")
        hints = {normal: "what 1.96 gives, though with few pairs t multiplies by more", wanted - 1:
                 "one pair too few, or one degree of freedom too many"}
        see_number(got, wanted, case, hints)
    passed("How many seeds? The smallest numbers of pairs, by Student's t.")


def lucky_lead(function) -> None:
    """Known mean of the largest of so many normal numbers, for fields of one seed and of more."""
    for fields, seeds, wanted in ((9, 2, 1.050), (9, 1, 1.485), (3, 4, 0.423), (20, 1, 1.867), (1, 3, 0.0)):
        case = f"{fields} fields of {seeds} seeds, standard deviation 0.01"
        got = ask(function, 0.01, fields, seeds, np.random.default_rng(2), case=case, wanted="the mean lead, a number")
        single = {0.01 * wanted * np.sqrt(seeds): "the lead of single trainings: a field is the mean of its seeds"}
        see_number(got, 0.01 * wanted, case, single if seeds > 1 else {}, 0.0006)
    passed("The lucky field: what a winner owes to being the winner, for five grids.")


def lost_together(function) -> None:
    """Accuracies under three seeds, without one technique, the other, and both."""
    cases = [("losses of 2 and 1 points alone and 3 together", [0.80, 0.82, 0.81], [0.78, 0.80, 0.79],
              [0.79, 0.81, 0.80], [0.77, 0.79, 0.78], 0.0),
             ("losses of 1 and 1 points alone and 6 together", [0.80, 0.82, 0.81], [0.79, 0.81, 0.80],
              [0.79, 0.81, 0.80], [0.74, 0.76, 0.75], 0.04),
             ("losses of 4 and 3 points alone and 5 together", [0.9, 0.8], [0.86, 0.76], [0.87, 0.77], [0.85, 0.75],
              -0.02)]
    for case, whole, no_a, no_b, neither, wanted in cases:
        got = ask(function, whole, no_a, no_b, neither, case=case, wanted="one number")
        together = np.mean(whole) - np.mean(neither)
        hints = {together: "what both lose together, with nothing taken off", -wanted: "of the opposite sign"}
        see_number(got, wanted, case, hints)
    passed("Both at once: the loss beyond the sum of the two.")


def compare(function) -> None:
    """Two recipes by seed: of other orders, with a seed that only one of them has, with luck that pairs take out."""
    a = {0: 0.760, 1: 0.774, 2: 0.781, 3: 0.768, 4: 0.790}
    gains = {0: 0.012, 1: 0.008, 2: 0.011, 3: 0.009, 4: 0.010}
    b = {seed: a[seed] + gains[seed] for seed in (4, 2, 0, 3, 1)}
    cases = [("three seeds whose best is b's although a is better in two", {1: 0.70, 2: 0.71, 3: 0.69},
              {1: 0.68, 2: 0.69, 3: 0.75}, [-0.02, -0.02, 0.06]),
             ("five seeds of each, those of b in another order", a, b, list(gains.values())),
             ("seeds 0 to 4 of a and 2 to 6 of b, of which 5 and 6 are lucky", a,
              {seed: a.get(seed, 0.85) + 0.01 * (seed != 3) for seed in range(2, 7)}, [0.01, 0.0, 0.01])]
    for case, first, second, differences in cases:
        low, high = mean_interval(differences)
        wanted = (np.mean(differences), low, high)
        got = ask(function, first, second, case=case, wanted="three numbers: difference, low and high")
        shape = np.shape(got)
        see(shape == (3,), case, f"a result of shape {shape} came", "three numbers: difference, low and high")
        best = max(second.values()) - max(first.values())
        apart = np.mean(list(second.values())) - np.mean(list(first.values()))
        hints = {best: "the best of the one minus the best of the other", apart: "the difference of the two means over "
                 "all seeds, with those that only one of them has"}
        see_number(got[0], wanted[0], f"the difference of b and a, {case}", hints)
        see_array(got[1:], wanted[1:], f"the ends of the interval, {case}", 1e-6,
                  ", Student's t of the differences, seed by seed")
    passed("A wrong comparison: now seed by seed, on the seeds that both have.")
