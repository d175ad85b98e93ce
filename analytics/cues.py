"""Turns of phrase that attempts to take over a model have in common, in English and German."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_DROP = (
    r"(ignor\w*|forget\w*|disregard\w*|overrid\w*|overwrit\w*|bypass\w*|drop|stop following|erase|remove|"
    r"verg(iss|ess)\w*|missacht\w*|l[öo]sch\w*)"
)
_EARLIER = (
    r"(previous\w*|prior|earlier|above|before|preceding|so far|everything|all (the )?(rules|tasks|assignments)|"
    r"vorherig\w*|bisherig\w*|obig\w*|vorangegangen\w*|alles|davor)"
)
_TOLD = r"(instruct\w*|rules?|prompts?|guidelines?|tasks?|assignments?|orders?|told|said|anweisung\w*|aufgaben?|regeln)"
_SHOW = r"(reveal|show\w*|print\w*|repeat|output|display|tell me|give me|spell ?check|zeig\w*|nenn\w*|gib|wiederhol\w*)"
_HIDDEN = (
    r"((system|initial|original|hidden|full|own|above|entire|complete) ?-?(prompt|instruct|message|text)\w*|"
    r"prompt ?texte?\w*)"
)

CUES = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "drops earlier": rf"\b{_DROP}\b.{{0,60}}\b{_EARLIER}\b",
        "drops what was told": rf"\b{_DROP}\b.{{0,60}}\b{_TOLD}\b",
        "asks for the prompt": rf"\b{_SHOW}\b.{{0,60}}\b{_HIDDEN}\b|\byour (\w+ )?(prompt|instructions)\b",
        "new task": (
            r"\b(new|real|following|neue\w*|folgende\w*) "
            r"(task|challenge|instruct\w*|focus|aufgabe\w*|anweisung\w*)\b"
        ),
        "without limits": (
            r"\b(without|no|any|free of|bypass|remov\w*) (\w+ ){0,2}(restrictions?|filters?|limits|limitations?|"
            r"censorship|rules|ethic\w*|moral\w*|guidelines)\b|\b(uncensored|unfiltered|amoral|jailbr\w+)\b"
        ),
        "another self": (
            r"\b(DAN|do anything now|developer mode|evil (twin|ai|bot)|stay in character|alter ego|"
            r"opposite mode|god mode)\b"
        ),
        "never refuses": r"\b(never|not|cannot|can't|won't) (\w+ ){0,2}(refus\w*|declin\w*|say no|apologi[sz]\w*)\b",
        "from now on": r"\b(from now on|starting now|ab jetzt|von nun an|you are now|now you are|du bist jetzt)\b",
    }.items()
}  # fmt: skip


def cues(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return a (text, cue) matrix: 1 where the text has the turn of phrase."""
    found = [[pattern.search(text) is not None for pattern in CUES.values()] for text in texts]
    return np.array(found, dtype=np.float32).reshape(len(texts), len(CUES))
