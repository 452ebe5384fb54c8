import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import ids

PREFIXES = st.sampled_from(["cntct", "seg", "ref_prog", "wl_entry", "evnt"])


@given(prefix=PREFIXES, key=st.integers(0, ids.MAX_KEY))
def test_an_id_says_the_key_and_nothing_else_does(prefix, key):
    public_id = ids.encode(prefix, key)

    assert ids.decode(prefix, public_id) == key
    assert public_id.startswith(f"{prefix}_")
    assert len(public_id) == len(prefix) + 11


def test_neighbours_look_nothing_alike():
    codes = {ids.encode("cntct", key)[-4:] for key in range(1000)}

    assert len(codes) > 950


@given(key=st.integers(0, ids.MAX_KEY), text=st.text(max_size=12))
def test_every_other_spelling_is_refused(key, text):
    public_id = ids.encode("cntct", key)
    for wrong in (text, public_id.upper(), f" {public_id}", f"{public_id}\n", public_id[:-1]):
        with pytest.raises(ids.PublicIdError):
            ids.decode("cntct", wrong)
    with pytest.raises(ids.PublicIdError):
        ids.decode("seg", public_id)
