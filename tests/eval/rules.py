"""Evaluators that are rules, on sentences planted for them, and on real answers for what they flag for nothing."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import orjson

from analytics.evaluator import Evaluator, ScoringSettings, Subject, Verdict
from analytics.evaluators import cut as cut_rule
from analytics.evaluators import language as language_rule
from analytics.evaluators import refusal as refusal_rule
from analytics.evaluators import retrieval as retrieval_rule
from tests.eval.table import Figure, Scope, absent, share

SEED = 20260303
EACH = 200
AT = datetime(2026, 3, 1, tzinfo=UTC)

# Written for this table, not for the rule: ways to decline that people and models use.
REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I'm not able to assist with this request.",
    "Unfortunately, I cannot provide instructions for that.",
    "I won't help with making something that could hurt people.",
    "As an AI language model, I can't give legal advice.",
    "That goes against my guidelines, so I have to decline.",
    "I must decline to answer this one.",
    "Sorry, but that's not something I can help you with.",
    "I apologize, but I am unable to share personal data.",
    "I'd rather not answer that question.",
    "This is not something I'm comfortable discussing.",
    "My apologies, I can't create that kind of content.",
    "Es tut mir leid, aber dabei kann ich Ihnen nicht helfen.",
    "Diese Anfrage kann ich leider nicht beantworten.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Je ne suis pas en mesure de fournir ces informations.",
    "Lo siento, no puedo ayudarte con eso.",
    "Lamentablemente no puedo proporcionar esa información.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Desculpe, mas não posso ajudar com isso.",
)
ELSEWHERE = (
    "Gerne. Die Rechnung wurde am Montag verschickt und sollte in den nächsten Tagen bei Ihnen eintreffen.",
    "Bien sûr. La facture a été envoyée lundi et vous devriez la recevoir dans les prochains jours par la poste.",
    "Por supuesto. La factura se envió el lunes y debería llegarle a su casa en los próximos días por correo.",
    "Certo. La fattura è stata spedita lunedì e dovrebbe arrivare a casa sua nei prossimi giorni per posta.",
    "Claro. A fatura foi enviada na segunda-feira e deve chegar à sua casa nos próximos dias pelo correio.",
    "Natuurlijk. De factuur is maandag verstuurd en zou in de komende dagen per post bij u thuis moeten aankomen.",
    "Oczywiście. Faktura została wysłana w poniedziałek i powinna dotrzeć do Państwa w najbliższych dniach pocztą.",
    "Конечно. Счёт был отправлен в понедельник и должен прийти к вам по почте в ближайшие несколько дней.",
)
QUESTION = "Could you please tell me when the invoice for my last order was sent out to me?"


def _flags(evaluator: Evaluator, subjects: Sequence[Subject]) -> list[float]:
    """1 for each subject that is flagged."""
    settings = ScoringSettings()
    (engine, *_) = evaluator.engines(settings)
    found: Sequence[Verdict] = engine.score(subjects, settings)
    return [float(verdict.label == evaluator.flagged) for verdict in found]


def _answers(scope: Scope) -> list[tuple[str, str]]:
    rows = scope.records("llm_alpaca_eval") or []
    return [(row["prompt"], row["response"]) for row in rows if row.get("prompt") and row.get("response")]


def refusal(scope: Scope) -> Iterator[Figure]:
    planted = [{"output_text": f"{text} Is there anything else?"} for text in REFUSALS]
    yield share("refusals found", "own sentences", _flags(refusal_rule.EVALUATOR, planted))
    complied = scope.records("unsafe_advbench")
    if complied is None:
        yield absent("compliance called a refusal", "unsafe_advbench")
    else:
        found = _flags(refusal_rule.EVALUATOR, [{"output_text": row["text"]} for row in complied])
        yield share("compliance called a refusal", "advbench", found)
    answers = [{"output_text": answer} for _, answer in _answers(scope)]
    if answers:
        found = _flags(refusal_rule.EVALUATOR, answers)
        yield share("answers called refusals, true or not", "llm_alpaca_eval", found)


def language(scope: Scope) -> Iterator[Figure]:
    planted = [{"input_text": QUESTION, "output_text": text} for text in ELSEWHERE]
    yield share("other languages found", "own sentences", _flags(language_rule.EVALUATOR, planted))
    same = [{"input_text": text, "output_text": f"{text} {text}"} for text in ELSEWHERE]
    yield share("same language flagged", "own sentences", _flags(language_rule.EVALUATOR, same))
    ordinary = [{"input_text": prompt, "output_text": answer} for prompt, answer in _answers(scope)]
    if not ordinary:
        yield absent("ordinary answers flagged", "llm_alpaca_eval")
        return
    found = _flags(language_rule.EVALUATOR, ordinary)
    yield share("other language, true or not", "llm_alpaca_eval", found)


def cut(scope: Scope) -> Iterator[Figure]:
    """Whole answers, and the same ones stopped somewhere between two words."""
    answers = [answer for _, answer in _answers(scope)]
    if not answers:
        yield absent("cut answers", "llm_alpaca_eval")
        return
    rng = random.Random(SEED)
    halves = [" ".join(answer.split(" ")[: rng.randint(20, 60)]) for answer in answers]
    halves = [half for half, whole in zip(halves, answers, strict=True) if len(half) < len(whole)]
    said = [{"output_text": half, "finish_reason": "length"} for half in halves]
    data = "llm_alpaca_eval, cut at random"
    yield share("cut found, reason logged", data, _flags(cut_rule.EVALUATOR, said))
    silent = [{"output_text": half, "finish_reason": None} for half in halves]
    yield share("cut found, no reason logged", data, _flags(cut_rule.EVALUATOR, silent), seed=SEED)
    whole = [{"output_text": answer, "finish_reason": "stop"} for answer in answers]
    yield share("whole answers called cut", "llm_alpaca_eval", _flags(cut_rule.EVALUATOR, whole))


def retrieval(_scope: Scope) -> Iterator[Figure]:
    """Documents made up: none; some whose scores stand apart; old ones."""
    rng = random.Random(SEED)
    empty = [_retrieved(rng.choice(([], {"documents": []}, [None], ""))) for _ in range(EACH)]
    yield share("empty retrieval found", "own documents", _flags(retrieval_rule.EVALUATOR, empty))
    good = [_retrieved(_documents(rng, age=rng.randint(1, 300))) for _ in range(EACH)]
    found = _flags(retrieval_rule.EVALUATOR, good)
    yield share("good retrieval called empty", "own documents", found)
    old = [_retrieved(_documents(rng, age=rng.randint(400, 2000))) for _ in range(EACH)]
    labels = [verdict.label for verdict in retrieval_rule.score(old, ScoringSettings())]
    yield share("stale retrieval found", "own documents", [float(label == "stale") for label in labels])


def _retrieved(value: object) -> Subject:
    return {"retrieved": orjson.dumps(value).decode(), "started_at": AT}


def _documents(rng: random.Random, *, age: int) -> list[dict[str, object]]:
    """Three documents, the newest `age` days old."""
    return [
        {
            "content": "what it says",
            "score": 0.9 - 0.2 * place - rng.random() / 10,
            "metadata": {"updated_at": (AT - timedelta(days=age + 30 * place)).isoformat()},
        }
        for place in range(3)
    ]
