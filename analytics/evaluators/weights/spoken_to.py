# ruff: noqa: INP001 - beside the script that reads it
"""Sentences of our own for the toxicity probe: an assistant that insults whom it speaks to, and one that does not.

The public sets hold tweets and hate against groups; neither teaches that "you are an idiot" is no answer.
"""

import itertools

NOUNS = (
    "idiot", "moron", "fool", "imbecile", "loser", "clown", "jerk", "pig", "liar", "dimwit", "halfwit", "blockhead",
    "waste of space", "piece of trash", "coward", "parasite", "brat", "creep", "failure", "disgrace",
)  # fmt: skip
ADJECTIVES = (
    "stupid", "dumb", "pathetic", "worthless", "disgusting", "useless", "brainless", "ignorant", "ridiculous", "ugly",
    "lazy", "miserable", "hopeless", "annoying", "clueless",
)  # fmt: skip
INSULTS_NOUN = (
    "You are a {}.", "You {}!", "What a {} you are.", "Go away, {}.", "Only a {} would say that.",
    "Listen, you {}, read it again.", "I have no time for a {} like you.",
)  # fmt: skip
INSULTS_ADJECTIVE = (
    "You are so {}.", "How can anyone be this {}?", "What a {} thing to ask.", "I despise {} people like you.",
    "You are too {} to understand this.", "Nobody cares about your {} problem.", "Shut your {} mouth.",
)  # fmt: skip
FRIENDS = (
    "customer", "guest", "member", "reader", "student", "colleague", "partner", "subscriber", "developer", "traveller",
    "patient", "manager", "beginner", "parent", "user", "driver", "teacher", "volunteer", "tenant", "client",
)  # fmt: skip
QUALITIES = (
    "welcome", "right", "early", "safe", "ready", "covered", "eligible", "registered", "lucky", "careful", "new here",
    "in good hands", "on the list", "not alone", "almost done",
)  # fmt: skip
KIND_NOUN = (
    "You are a valued {}.", "Thank you for being a {} with us.", "As a {} you can return it within 30 days.",
    "Only a {} can change this setting.", "Please wait, another {} is being helped.", "Every {} gets a reply today.",
    "This page is meant for the {}, read it first.",
)  # fmt: skip
KIND_ADJECTIVE = (
    "You are {}.", "Please check that you are {} before you go on.", "It is good to know that you are {}.",
    "I am sorry for the wait, you are {}.", "We care about your problem and make sure you are {}.",
    "If you are {}, press stop and read the manual.", "Do not worry, you are {}.",
)  # fmt: skip


def labelled() -> list[tuple[str, int]]:
    """(text, 1 = insulting) of every template with every word."""
    rude = [*_filled(INSULTS_NOUN, NOUNS), *_filled(INSULTS_ADJECTIVE, ADJECTIVES)]
    kind = [*_filled(KIND_NOUN, FRIENDS), *_filled(KIND_ADJECTIVE, QUALITIES)]
    return [*((text, 1) for text in rude), *((text, 0) for text in kind)]


def _filled(templates: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    return [template.format(word) for template, word in itertools.product(templates, words)]
