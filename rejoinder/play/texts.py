"""What the invented people of generated traffic say. Which of it fits a policy is asked of the policy's own filters."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Talk:
    """What is said about one sort of matter, in one language."""

    language: str
    matters: tuple[str, ...]
    answers: tuple[str, ...]
    follow_ups: tuple[str, ...]


SERVICE: Final = Talk(
    "en",
    (
        "my internet has been down since this morning 😩 any news?",
        "I was charged twice this month. Can somebody look at that?",
        "the app logs me out every five minutes on my new phone",
        "how do I move my contract to a new address?",
        "router blinks red, restarted it three times already…",
        "your hold music is great, 45 minutes of it less so",
        "do I keep my number if I change the tariff?",
        "where do I find my invoice of last month?",
    ),
    (
        "Sorry about that! Which postcode is it?",
        "Thanks for telling us. Could you give us your customer number?",
        "We've looked: it's being worked on and should be fine within two hours.",
        "Please try once more with the router off for a minute.",
        "Done! You'll get a mail about it within the hour.",
    ),
    ("it's 10115", "customer 4711-0815", "nothing here yet, to be honest", "ok, and how long will that take?"),
)
ORDERS: Final = Talk(
    "de",
    (
        "wo bleibt meine Lieferung? Laut Verfolgung seit vier Tagen in Leipzig 📦",
        "kann ich die Jacke auch im Laden zurückgeben?",
        "hab die falsche Größe bekommen, was nun?",
        "gibt es die Lampe bald wieder? 💡",
    ),
    (
        "Das tut uns leid! Wie ist die Auftragsnummer?",
        "Wir haben es an den Versand gegeben und melden uns heute noch.",
        "Das geht: bitte den Rückgabeschein aus der Sendung mitbringen.",
        "Erledigt. Die Bestätigung kommt gleich per Mail.",
    ),
    ("0815-4711", "habe ich gerade versucht, geht leider nicht", "und wie lange dauert das?", "ok, mache ich"),
)
OTHERS: Final = Talk(
    "und",
    ("مرحبا، هل يمكنكم مساعدتي في تفعيل الشريحة؟", "注文のキャンセルはできますか？"),
    ("Of course! Which number is it?", "Yes, that can be done. You'll get a mail with the link."),
    ("0815-4711", "👍"),
)
TALKS: Final = (SERVICE, SERVICE, SERVICE, ORDERS, ORDERS, OTHERS)
"""As often as they stand here."""

OUTAGES: Final = ("no signal in the whole street, is there an outage?", "is there an outage? I'm offline since noon")
OUTAGE_ANSWERS: Final = ("A mast near you is down. It's being repaired; we write as soon as it's up again.",)
HOURS: Final = ("what are your opening hours?", "when are you open on Saturdays? I find no opening hours")
PRAISE: Final = (
    "Thank you so much for the great service, I love it!",
    "what a wonderful team, best support ever, I'm so happy 😊",
    "amazing help in the shop today, really great people, love you all!",
)
PRAISE_ANSWERS: Final = ("That's kind of you, we'll pass it on to the team!", "We're glad to hear that 😊")
SPAM: Final = ("free crypto for the first 100 followers, big giveaway!!!",)
INSULTS: Final = ("what a bunch of scammers",)
THANKS: Final = ("thank you!", "danke euch 🙏", "thanks, works again")
PARCELS: Final = ("where is my order? It should have been here on Monday", "my order number gets me nowhere, what now?")
CONTRACTS: Final = ("I want to cancel my contract", "can I get my contract on paper?")
HUMANS: Final = ("can I speak to an agent please",)
BUTTONS: Final = ("Ask about an invoice", "Report a fault")
"""Titles of buttons in Messenger."""

PERSONAL: Final = (
    "my last invoice is wrong, and I'm asked to pay it twice",
    "somebody moved into my old flat and gets my letters from you",
    "I can't log in any more since I have a new name",
)
"""What needs a customer number, which nobody should write in public."""
INTO_PRIVATE: Final = (
    "Hello! We'd like to look at it with you here, where nobody reads along. What is your customer number?",
    "Hello! That's better talked about in private: which customer number do you have?",
)
PRIVATE_ANSWERS: Final = ("Found it, thank you. We've put it right.", "Done: you'll get a letter about it this week.")

FIRST_NAMES: Final = (
    "Ada", "Ben", "Chloé", "Dara", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kaya", "Lea",
)  # fmt: skip
