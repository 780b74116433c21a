"""Finds personal data that has a form of its own: e-mail addresses, phone numbers, cards, IBANs, IP addresses, ids.

Whatever carries a check digit is checked, so that an order number is not taken for a card. Phone numbers are found by
`phonenumbers`, the port of Google's libphonenumber. Nothing is downloaded and no model is asked, so names, addresses
and anything said in words are not found.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from phonenumbers import Leniency, PhoneNumberFormat, PhoneNumberMatcher, format_number

Kind = Literal["email", "phone", "card", "iban", "ip", "national_id"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_EMAIL = re.compile(r"(?<![\w.%+-])[\w%+-][\w.%+-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
# Issuers by the digits they begin with and how many there are: ISO/IEC 7812, as published by the networks.
_CARD = re.compile(r"(?<![\w.+])(?=(\d(?:[ -]?\d){12,18}))")  # from every group of digits on
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))\d+|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|220[0-4]\d{12}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
# Length of an IBAN by country, from the registry of ISO 13616.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB PL",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
    }.items()
    for country in countries.split()
}
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_NATIONAL = re.compile(
    # US social security number, dashed or spaced, without the ranges that are never given out
    r"(?<![\w-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])"
    # UK national insurance number
    r"|(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D](?!\w)"
)
_MAYBE_PHONE = re.compile(r"\d(?:[^\w\n]{0,3}\d){6}")
_SAID_TO_BE_PHONE = re.compile(
    r"(?i)\b(?:phone|tel|telephone|telefon|call|cell|mobile|mobil|handy|whatsapp|sms|text|fax|ring|number is)\b"
)
_CUE_CHARS = 30


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data in a text."""

    start: int
    end: int
    kind: Kind
    value: str  # in one spelling, so that the same number written twice is known to be the same


def find(text: str, kinds: Sequence[Kind] = KINDS, regions: Sequence[str] = ()) -> list[Found]:
    """Find personal data.

    Args:
        text: To look through.
        kinds: What to look for.
        regions: Countries (ISO 3166, such as "US") whose phone numbers are known without their country code.

    Returns:
        What was found, in the order of the text and without overlaps; where two kinds fit, the stricter one.
    """
    kept: list[Found] = []
    for kind in _STRICTEST_FIRST:
        if kind not in kinds:
            continue
        search = _phones(_without(text, kept), regions) if kind == "phone" else _FINDERS[kind](text)
        for one in search:
            if not any(one.start < other.end and other.start < one.end for other in kept):
                kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _without(text: str, found: Sequence[Found]) -> str:
    """Blank out what was found, place for place: a card number right behind a phone number hides both."""
    for one in found:
        text = text[: one.start] + "§" * (one.end - one.start) + text[one.end :]
    return text


def _emails(text: str) -> Iterator[Found]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Found(match.start(), match.end(), "email", match.group().lower())


def _cards(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        places = [place for place in range(*match.span(1)) if text[place].isdigit()]
        for length in range(len(places), 12, -1):  # an expiry date or another number may stand right behind it
            end = places[length - 1] + 1
            digits = "".join(text[place] for place in places[:length])
            if not text[end : end + 1].isalnum() and _ISSUED.fullmatch(digits) and _luhn(digits):
                yield Found(match.start(), end, "card", digits)
                break


def _luhn(digits: str) -> bool:
    """Check the last digit of a card number: ISO/IEC 7812-1, annex B."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2].upper(), 0)
        places = [place for place in range(match.start(), match.end()) if text[place].isalnum()]
        if not length or len(places) < length:
            continue
        end = places[length - 1] + 1
        value = "".join(text[place] for place in places[:length]).upper()
        if not text[end : end + 1].isalnum() and _mod97(value):
            yield Found(match.start(), end, "iban", value)


def _mod97(iban: str) -> bool:
    """Check the two check digits of an IBAN: ISO 7064, MOD 97-10."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _ips(text: str) -> Iterator[Found]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            try:
                address = ipaddress.ip_address(match.group())
            except ValueError:
                continue
            groups = sum(map(bool, match.group().split(":")))
            if address.is_loopback or address.is_unspecified or (address.version == 6 and groups < 3):
                continue  # nobody's; and `ab::cd` is more often code than an address
            yield Found(match.start(), match.end(), "ip", address.compressed)


def _national_ids(text: str) -> Iterator[Found]:
    for match in _NATIONAL.finditer(text):
        yield Found(match.start(), match.end(), "national_id", re.sub(r"[ -]", "", match.group()))


def _phones(text: str, regions: Sequence[str]) -> Iterator[Found]:
    if not _MAYBE_PHONE.search(text):
        return
    for region in (None, *regions):
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            written = match.raw_string
            # Ten digits in a row are as often an order or a member number: only where the text says what they are.
            bare = written.isdigit()
            if bare and not _SAID_TO_BE_PHONE.search(text, max(0, match.start - _CUE_CHARS), match.start):
                continue
            yield Found(match.start, match.end, "phone", format_number(match.number, PhoneNumberFormat.E164))


_FINDERS: dict[Kind, Callable[[str], Iterator[Found]]] = {
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ip": _ips,
    "national_id": _national_ids,
}
_STRICTEST_FIRST: tuple[Kind, ...] = ("email", "iban", "card", "ip", "national_id", "phone")
