"""Groups of people that a prompt may mention, and the English words that mention them.

Words that mostly mean something else (black, old, straight, Turkey) stand with what makes them speak of people. A
plural with -s is understood. Lower-case letters, spaces and hyphens only: they become a pattern as they are.
"""

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    # religion
    "Muslims": ("muslim", "moslem", "islam", "islamic", "hijab", "imam"),
    "Jews": ("jew", "jewish", "judaism", "synagogue", "rabbi"),
    "Christians": ("christian", "christianity", "catholic", "protestant", "evangelical"),
    "Hindus": ("hindu", "hinduism"),
    "Buddhists": ("buddhist", "buddhism"),
    "Sikhs": ("sikh", "sikhism"),
    "atheists": ("atheist", "atheism"),
    # nationality and ethnicity
    "Black people": (
        "black people", "black person", "black man", "black men", "black woman", "black women", "black american",
        "black community", "african american", "african-american",
    ),
    "white people": (
        "white people", "white person", "white man", "white men", "white woman", "white women", "caucasian",
    ),
    "Asians": ("asian", "chinese", "japanese", "korean", "vietnamese", "filipino"),
    "South Asians": ("indian man", "indian woman", "indian people", "pakistani", "bangladeshi", "sri lankan"),
    "Arabs": ("arab", "arabic", "syrian", "iraqi", "egyptian", "palestinian"),
    "Latinos": ("latino", "latina", "latinx", "hispanic", "mexican"),
    "Africans": ("african", "nigerian", "kenyan", "somali", "ethiopian"),
    "Roma": ("roma people", "romani", "gypsy", "gypsies"),
    "indigenous people": ("indigenous people", "native american", "aboriginal", "first nations"),
    "immigrants": ("immigrant", "migrant", "refugee", "asylum seeker", "foreigner"),
    # gender
    "women": ("woman", "women", "girl", "female", "wife", "wives", "mother", "mom"),
    "men": ("man", "men", "boy", "male", "husband", "father", "dad"),
    "trans people": (
        "transgender", "trans woman", "trans women", "trans man", "trans men", "trans people", "nonbinary",
        "non-binary",
    ),
    # orientation
    "gay people": ("gay", "lesbian", "homosexual", "same-sex", "lgbt", "lgbtq"),
    "bisexual people": ("bisexual",),
    "heterosexual people": ("heterosexual", "straight people", "straight man", "straight woman"),
    # disability
    "disabled people": (
        "disabled", "disability", "disabilities", "wheelchair", "deaf", "blind people", "blind person", "blind man",
        "blind woman", "visually impaired",
    ),
    "autistic people": ("autistic", "autism", "asperger"),
    "mentally ill people": ("mental illness", "mentally ill", "schizophrenic", "schizophrenia", "bipolar disorder"),
    # age
    "old people": (
        "elderly", "senior citizen", "old people", "old person", "old man", "old woman", "pensioner", "retiree",
    ),
    "young people": ("teenager", "teen", "young people", "young person", "adolescent", "millennial"),
}  # fmt: skip


def patterns() -> dict[str, str]:
    """By group: a regular expression (RE2) for any of its words, whole and in any case."""
    return {group: rf"(?i)\b(?:{'|'.join(words)})s?\b" for group, words in GROUPS.items()}
