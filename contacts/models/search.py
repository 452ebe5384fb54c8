"""The words by which contacts are found: those of name, title, company and mail address."""

from functools import reduce
from string import punctuation
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Func

TRAITS = ("name", "first_name", "last_name", "title", "company", "company_name")

# What the parser of PostgreSQL would not end a word at, as in addresses. Each is replaced by
# itself: ``translate`` takes five times as long as all of this.
_JOINTS = "@.-_+/:’–"
_LONGEST = 250  # letters of a field
_LONGEST_COPY = 50_000  # letters of a message; PostgreSQL refuses words beyond a megabyte

_APART = str.maketrans(dict.fromkeys(punctuation + _JOINTS, " "))


class Words(Func):
    """The words of a contact, given its ``email`` and ``traits``; a column holds them."""

    arity = 2
    output_field = SearchVectorField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list]:
        """Return the one spelling of it, by which PostgreSQL knows the index."""
        email, traits = (compiler.compile(each)[0] for each in self.source_expressions)
        told = [f"left(coalesce({traits} ->> '{name}', ''), {_LONGEST})" for name in TRAITS]
        return _vector(" || ' ' || ".join([f"{email}::text", *told])), []


class CopyWords(Func):
    """The words of a message, given its subject and its copy; an index holds them."""

    arity = 2
    output_field = SearchVectorField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list]:
        """Return the one spelling of it, by which PostgreSQL knows the index."""
        subject, copy = (compiler.compile(each)[0] for each in self.source_expressions)
        told = f"coalesce({subject}, '') || ' ' || coalesce({copy}, '')"
        return _vector(f"left({told}, {_LONGEST_COPY})"), []


def _vector(text: str) -> str:
    parted = reduce(lambda text, joint: f"replace({text}, '{joint}', ' ')", _JOINTS, text)
    return f"to_tsvector('simple'::regconfig, {parted})"


def words_of(text: str) -> list[str]:
    """Return the words of the text."""
    return text.translate(_APART).split()


def beginning_with(words: list[str]) -> SearchQuery:
    """Return what contacts match of which some word begins with each of these, in any case."""
    asked = " & ".join(f"'{word}':*" for word in words)
    return SearchQuery(asked, config="simple", search_type="raw")
