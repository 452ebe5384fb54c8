"""Style sheets into style attributes, which is where mail programs look, by css-inline."""

import css_inline

# By default it reads files and fetches URLs that the markup names.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


class StyleError(Exception):
    """A style sheet in the markup cannot be read."""


def inline(html: str) -> str:
    """Return the document with its styles on its elements; at-rules such as @media stay.

    :raises StyleError: if a style sheet cannot be read.
    """
    try:
        return _inliner.inline(html)
    except (css_inline.InlineError, ValueError) as error:
        raise StyleError(str(error)) from None
