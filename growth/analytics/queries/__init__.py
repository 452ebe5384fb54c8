"""Answers to questions: each is one statement over the events."""

from growth.analytics.queries.answers import Question, answer
from growth.analytics.queries.people import Pick, people_behind

__all__ = ["Pick", "Question", "answer", "people_behind"]
