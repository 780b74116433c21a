"""Sentences with and without personal data, with what is in them: numbers are of ranges kept for examples."""

from __future__ import annotations

from service.privacy.patterns import Kind

Case = tuple[str, tuple[tuple[Kind, str], ...]]  # a text, and what is personal in it as it is written

CASES: tuple[Case, ...] = (
    # written the usual ways
    ("Write to jane.doe@example.com.", (("email", "jane.doe@example.com"),)),
    ("Mail <J.Doe+vote@mail.example.co.uk>, please", (("email", "J.Doe+vote@mail.example.co.uk"),)),
    ("jürgen@müller.example asked again", (("email", "jürgen@müller.example"),)),
    ("a@b.io;c@d.org", (("email", "a@b.io"), ("email", "c@d.org"))),
    ("Call me at (212) 555-0199 after six", (("phone", "(212) 555-0199"),)),
    ("My number is 2125550199", (("phone", "2125550199"),)),
    ("+1 212-555-0199 or +44 20 7946 0958?", (("phone", "+1 212-555-0199"), ("phone", "+44 20 7946 0958"))),
    ("Tel. 020 7946 0958", (("phone", "020 7946 0958"),)),
    ("Ruf mich an: 030 901820", (("phone", "030 901820"),)),
    ("+49 30 901820", (("phone", "+49 30 901820"),)),
    ("Mon portable : 06 12 34 56 78.", (("phone", "06 12 34 56 78"),)),
    ("Text 212.555.0199", (("phone", "212.555.0199"),)),
    ("Card 4111 1111 1111 1111 12/26", (("card", "4111 1111 1111 1111"),)),
    ("paid with 5555-5555-5555-4444", (("card", "5555-5555-5555-4444"),)),
    ("amex 378282246310005.", (("card", "378282246310005"),)),
    ("IBAN DE89 3704 0044 0532 0130 00", (("iban", "DE89 3704 0044 0532 0130 00"),)),
    ("to gb82west12345698765432 today", (("iban", "gb82west12345698765432"),)),
    ("FR14 2004 1010 0505 0001 3M02 606 and", (("iban", "FR14 2004 1010 0505 0001 3M02 606"),)),
    ("My server 203.0.113.7 is down", (("ip", "203.0.113.7"),)),
    ("from 2001:db8::8a2e:370:7334", (("ip", "2001:db8::8a2e:370:7334"),)),
    ("SSN 078-05-1120", (("national_id", "078-05-1120"),)),
    ("my NI number is AB 12 34 56 C", (("national_id", "AB 12 34 56 C"),)),
    # looks like it and is not
    ("Order 4111 1111 1111 1112 is late", ()),
    ("Invoice 1234567890123456", ()),
    ("DE89 3704 0044 0532 0130 01 has a typing error", ()),
    ("Version 3.11.4 on 127.0.0.1 at 12:30:45", ()),
    ("std::vector and ab::cd", ()),
    ("From 2019-2021, 1600 of 2400 people", ()),
    ("ISBN 978-3-16-148410-0", ()),
    ("Article 2125550199 costs 1,299.00", ()),
    ("user@localhost and @jane and a@b", ()),
    ("Take 2 tablets every 4-6 hours, at most 8 in 24", ()),
    ("Part 555-0199 of series 000-12-3456", ()),
    ("Section 1.2.3.4.5 of RFC 2616", ()),
    ("since 1 January 2021 at 10:00, room 12-345", ()),
    ("Coordinates 52.520008, 13.404954", ()),
    # personal, and out of reach
    ("I am Jane Doe, 12 Baker Street, London", (("email", "Jane Doe"), ("email", "12 Baker Street"))),
    ("jane at example dot com", (("email", "jane at example dot com"),)),
    ("My number is 555-0199", (("phone", "555-0199"),)),
)
