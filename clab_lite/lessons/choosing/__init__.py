"""Lesson 14: the four contrasts side by side: what each is, what it costs, what it gave a detector with few labels."""

from clab_lite.lessons.choosing import checks
from clab_lite.lessons.choosing.decision import Situation, advise, draw_decision, explore_decision
from clab_lite.lessons.choosing.facts import FACTS, Facts
from clab_lite.lessons.choosing.figures import MEASURES, draw_comparison, draw_costs, explore_comparison
from clab_lite.lessons.choosing.measured import came_out, cost_of_a_step, measured, p_values, reach, setting_in_words
from clab_lite.lessons.choosing.table import four_methods, gift_and_worth, results

__all__ = [
    "FACTS",
    "MEASURES",
    "Facts",
    "Situation",
    "advise",
    "came_out",
    "checks",
    "cost_of_a_step",
    "draw_comparison",
    "draw_costs",
    "draw_decision",
    "explore_comparison",
    "explore_decision",
    "four_methods",
    "gift_and_worth",
    "measured",
    "p_values",
    "reach",
    "results",
    "setting_in_words",
]
