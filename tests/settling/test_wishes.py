"""What of a review asks the author for something, and what is praise, a notice, a report of a test or an aside."""

import pytest
from patchscan.series import Thread
from patchscan.settling.remarks import answers
from patchscan.settling.wishes import asks_something, turns_to_others

from tests.commands.test_compare import became, posting, reply, thread

TAG = "\n\nReviewed-by: Rita <rita@example.org>"
TESTED = "\n\nTested-by: Rita <rita@example.org>"
QUOTED = "> +\tint left = a;\n\n"


def listed(text: str, author: str = "Rita <rita@example.org>") -> list[str]:
    older: Thread = thread(posting(1), reply(1, text, author))
    return [one.text for one in answers(older, thread(posting(2)).series[0])]


@pytest.mark.parametrize(
    "text",
    [
        "I'm still fine with the driver part." + TAG + "\n\nThe ioctl looks okay to me, but I've never used that\n"
        "interface, so not sure if there is a problem with it.",
        "On my box (8 cores) this takes\n\n  [    0.500124] count: 210ms\n\nand with the patch\n\n"
        "  [    0.379613] count: 90ms\n\nA nice gain." + TESTED,
        "Tested on x86 with two processes.\n\nBefore the fix the count was wrong.\nNow it is right.\n" + TESTED,
        "I re-ran the tests and see the same gain, had no issues.\n\n# uname -r\n6.19.0-rc2\n" + TESTED,
        "The name was my mistake, I didn't expect two drivers to share it." + TAG,
        "The above is useful info, I'll hoist it into the changelog.",
        "I'll send a patch on top to clean up the rest.\n\nFor this one:" + TAG,
        "Okay with the removal of the above. All are set in count_up(), which returns early for zero.",
        "Applied to\n\n   https://git.example.org/l.git next\n\nThanks!\n\n[1/1] mm: count\n  commit: 0123456789ab\n\n"
        "Should there be problems, please send patches on top.",
        "Thank you for your patch, I've applied this patch to my branch:\nhttps://git.example.org/log/?h=rita\n\n"
        "It will show up there once I have pushed it.",
        "Looks good to me,\nwith a question below.",
        "Other than the nit above (which should be fixed), you can add:" + TAG,
        "OK, so with that addition to the changelog," + TAG,
        "In general, LGTM.",
        "Makes sense,\n--R",
        "Esp. given the tests on x86... LGTM so:" + TAG,
        "cut",
        "[ add the s390 folks ]",
        "+CC Otto",
        "Otto, Paula\n\nDoes this fit what we talked about in Prague?",
        "在 2025/02/21 16:11, Eve 写道:",
    ],
)  # fmt: skip
def test_what_asks_nothing(text: str) -> None:
    older = thread(
        posting(1),
        reply(1, QUOTED + text),
        reply(2, "Nice.", "Otto <otto@example.org>"),
        reply(3, "Nice.", "Paula <paula@example.org>"),
    )
    assert answers(older, thread(posting(2)).series[0]) == ()


@pytest.mark.parametrize(
    "text",
    [
        "PUD boundary" + TAG,
        "Cc: stable@vger.kernel.org" + TAG,
        "blank line" + TAG,
        "else if ()" + TAG,
        "This is only used once." + TAG,
        "Looks good, the lock is leaked on the first return, though." + TAG,
        "Okay with the rest. The second loop never ends.",
        "It's better to say why here.",
        "Adding a comment here would help.",
        "https://lwn.net/Articles/69419/",
        "#ifdef CONFIG_COUNT around it, please" + TAG,
        "I applied this but dropped the second hunk, because it should work on pages.",
        "Rita and others use this, so keep the name.",
        "Eve, Otto\n\nDoes this fit what we talked about?",
        "Typo\n\nRita",
    ],
)
def test_what_asks_something(text: str) -> None:
    first = " ".join(text.partition("\n\n")[0].split())
    assert became(QUOTED + text, posting(2)).text.startswith(first)


def test_the_end_of_a_quoted_line_that_a_mailer_wrapped_is_no_remark() -> None:
    assert listed("> +static int count\n(int a)\n> +{\n\nWhy static?") == ["Why static?"]
    assert listed("> +static int count(int a)\n(int b)\n> +{\n") == ["(int b)"]


def test_words_to_others_name_people_that_are_there() -> None:
    others = ["Otto Ost <otto@example.org>"]
    assert turns_to_others("Otto,\n\nCan you take it?", "Eve <eve@example.org>", others)
    assert not turns_to_others("Otto,\n\nCan you and Eve test it?", "Eve <eve@example.org>", others)
    assert not turns_to_others("Why,\n\nis that?", "Eve <eve@example.org>", others)


def test_without_a_tag_a_plain_statement_is_a_remark() -> None:
    statement = "The value is read by the other driver as well."
    assert asks_something(statement) and not asks_something(statement, tagged=True)
