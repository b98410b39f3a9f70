"""The table of actions, and that the screens keep to it."""

from __future__ import annotations

from collections import Counter

import pytest

from jobdesk.tui import actions, cheatsheet
from jobdesk.tui.actions import ACTIONS, Scope
from jobdesk.tui.app import JobdeskApp
from jobdesk.tui.screens import catalogue
from jobdesk.tui.screens.base import DeskScreen
from jobdesk.tui.widgets.listing import Listing

SCREENS = tuple(screen for screen in catalogue.every() if issubclass(screen, DeskScreen))


def test_every_action_has_an_id_of_its_own_a_label_and_a_sentence():
    assert max(Counter(action.id for action in ACTIONS).values()) == 1
    assert max(Counter(action.method for action in ACTIONS).values()) == 1
    for action in ACTIONS:
        assert action.label, action.id
        assert len(action.tooltip) > 7, action.id
        assert len(action.tooltip) <= 58, action.id


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_no_two_actions_of_a_screen_share_a_key(screen: type[DeskScreen]):
    scopes = (Scope.EVERYWHERE, Scope.LIST, *screen.SCOPES)

    keys = Counter(key for action in actions.of(*scopes) for key in action.keys)

    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_every_key_of_a_screen_is_in_the_table(screen: type[DeskScreen]):
    for binding in (*screen.BINDINGS, *Listing.BINDINGS):
        assert binding.id in actions.BY_ID
        assert binding.tooltip


def test_lower_case_changes_one_and_upper_case_many():
    for action in ACTIONS:
        letters = [key for key in action.keys if len(key) == 1 and key.isalpha()]
        if not action.mutating or not letters:
            continue
        assert all(key.isupper() == (action.tier == 2) for key in letters), action.id


def test_only_what_some_screen_does_is_in_the_cheat_sheet():
    offered = {action.id for action in cheatsheet.offered()}

    for action in ACTIONS:
        owners = [JobdeskApp, Listing, *SCREENS]
        has_method = any(hasattr(owner, f"action_{action.method}") for owner in owners)
        if action.scope is not Scope.DIALOG and action.keys:
            assert (action.id in offered) == has_method, action.id


def test_a_keymap_takes_known_ids_only():
    assert actions.keymap({"job.retry": "ctrl+x, f8", "no.such": "x"}) == {"job.retry": "ctrl+x,f8"}
