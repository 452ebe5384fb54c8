"""Answers to questions: each is one statement over the events."""

from growth.analytics.queries.answers import Question, answer
from growth.analytics.queries.people import people_behind

__all__ = ["Question", "answer", "people_behind"]
