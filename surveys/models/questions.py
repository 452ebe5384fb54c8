"""The questions of a custom survey, as their author wrote them, and what answers them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from growth.errors import Violation

MAX_QUESTIONS = 50
MAX_CHOICES = 100
MAX_LABEL = 500
MAX_TEXT = 10_000
LEAST_SCALE, MOST_SCALE, USUAL_SCALE = 2, 10, 5

KINDS = ("rating", "nps", "csat", "single", "multi", "text", "boolean")
CHOOSING = ("single", "multi")

_NAMES = {"id", "type", "label", "required", "choices", "scale"}
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")

Question = Mapping[str, Any]


def scores_of(question: Question) -> range:
    """Return the whole numbers that answer the question, if it is one of numbers."""
    match question["type"]:
        case "rating":
            return range(1, question.get("scale", USUAL_SCALE) + 1)
        case "nps":
            return range(11)
        case "csat":
            return range(1, 6)
    return range(0)


def question_violations(questions: Any, field: str = "questions") -> Iterator[Violation]:
    """Yield what is wrong with the questions, which may be anything that JSON can say."""
    if not isinstance(questions, list) or not 0 < len(questions) <= MAX_QUESTIONS:
        yield Violation(field, "invalid", f"Send a list of 1 to {MAX_QUESTIONS} questions.")
        return
    known: set[str] = set()
    for index, question in enumerate(questions):
        place = f"{field}[{index}]"
        if not isinstance(question, dict):
            yield Violation(place, "invalid", "Send each question as a JSON object.")
            continue
        yield from _faults(question, place)
        id = question.get("id")
        if isinstance(id, str) and id in known:
            yield Violation(f"{place}.id", "repeated", "Another question has this id.")
        known |= {id} if isinstance(id, str) else set()


def answer_violations(
    questions: Sequence[Question], answers: Mapping[str, Any], field: str = "answers"
) -> Iterator[Violation]:
    """Yield what is wrong with answers to these questions, by the questions' ids."""
    known = {question["id"]: question for question in questions}
    for name in answers:
        if name not in known:
            yield Violation(f"{field}.{name}"[:200], "unknown_field", "There is no such question.")
    for id, question in known.items():
        if answers.get(id) in (None, "", []):
            if question.get("required"):
                yield Violation(f"{field}.{id}", "required", "This question needs an answer.")
        elif message := _fault_of(question, answers[id]):
            yield Violation(f"{field}.{id}", "invalid", message)


def given(questions: Sequence[Question], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers that say something, in the order of the questions."""
    said = {question["id"]: answers.get(question["id"]) for question in questions}
    return {id: value for id, value in said.items() if value not in (None, "", [])}


def without_words(questions: Sequence[Question], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers without those that somebody wrote in their own words."""
    chosen = {question["id"] for question in questions if question["type"] != "text"}
    return {id: value for id, value in answers.items() if id in chosen}


def _faults(question: dict[str, Any], place: str) -> Iterator[Violation]:
    for name in question.keys() - _NAMES:
        yield Violation(f"{place}.{name}"[:200], "unknown_field", "There is no such field.")
    if not isinstance(question.get("id"), str) or not _ID.fullmatch(question["id"]):
        message = "Name the question in 1 to 40 small letters, digits and underscores."
        yield Violation(f"{place}.id", "invalid", message)
    if question.get("type") not in KINDS:
        yield Violation(f"{place}.type", "invalid", f"Send one of {', '.join(KINDS)}.")
    if not _is_text(question.get("label"), MAX_LABEL):
        message = f"Send the question as a text of 1 to {MAX_LABEL} characters."
        yield Violation(f"{place}.label", "invalid", message)
    if not isinstance(question.get("required", False), bool):
        yield Violation(f"{place}.required", "invalid", "Send true or false.")
    yield from _details(question, place)


def _details(question: dict[str, Any], place: str) -> Iterator[Violation]:
    if question.get("type") in CHOOSING:
        if not _are_choices(question.get("choices")):
            message = f"Send 1 to {MAX_CHOICES} different texts of up to {MAX_LABEL} characters."
            yield Violation(f"{place}.choices", "invalid", message)
    elif "choices" in question:
        message = "Only questions of type single and multi have choices."
        yield Violation(f"{place}.choices", "invalid", message)
    scale = question.get("scale", USUAL_SCALE)
    if "scale" in question and question.get("type") != "rating":
        yield Violation(f"{place}.scale", "invalid", "Only questions of type rating have a scale.")
    elif not _is_whole(scale) or not LEAST_SCALE <= scale <= MOST_SCALE:
        message = f"Send the greatest rating, {LEAST_SCALE} to {MOST_SCALE}."
        yield Violation(f"{place}.scale", "invalid", message)


def _fault_of(question: Question, value: Any) -> str:
    match question["type"]:
        case "single":
            fits = value in question["choices"]
            return "" if fits else "Send one of the choices, as a text."
        case "multi":
            fits = isinstance(value, list) and all(each in question["choices"] for each in value)
            fits = fits and len({*value}) == len(value)
            return "" if fits else "Send some of the choices, each once, as a list."
        case "text":
            message = f"Send a text of at most {MAX_TEXT} characters."
            return "" if _is_text(value, MAX_TEXT) else message
        case "boolean":
            return "" if isinstance(value, bool) else "Send true or false."
    scores = scores_of(question)
    fits = _is_whole(value) and value in scores
    return "" if fits else f"Send a whole number from {scores[0]} to {scores[-1]}."


def _are_choices(choices: Any) -> bool:
    return (
        isinstance(choices, list)
        and 0 < len(choices) <= MAX_CHOICES
        and all(_is_text(each, MAX_LABEL) for each in choices)
        and len(set(choices)) == len(choices)
    )


def _is_text(value: Any, limit: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= limit and bool(value.strip())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
