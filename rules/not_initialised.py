"""A lock, work, timer or wait queue in an object that nothing initialises."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Literal

from patchscan.c.lexical import without_comments
from patchscan.lookup.uses import files_holding
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, frozen, pattern

# Of a name that more files hold, nobody can say that nothing initialises it.
FEW = 40
# How far before a name the call stands whose argument it is.
REACH = 200


@frozen
class Kind:
    """What has to be initialised: how it is declared, the call that does it, all that do, and what uses it."""

    type: str
    call: str
    initialise: str
    use: str


LOCKED = r"(?:scoped_)?guard\s*\(\s*%s\w*\s*\)"
KINDS = (
    Kind(r"struct\s+mutex", "mutex_init()", r"\w*mutex_init", r"mutex_\w+|lockdep_\w+|" + LOCKED % "mutex"),
    Kind(
        r"spinlock_t",
        "spin_lock_init()",
        r"spin_lock_init",
        r"spin_(?:lock|unlock|trylock)\w*|lockdep_\w+|" + LOCKED % "spinlock",
    ),
    Kind(
        r"raw_spinlock_t",
        "raw_spin_lock_init()",
        r"raw_spin_lock_init",
        r"raw_spin_(?:lock|unlock|trylock)\w*|lockdep_\w+|" + LOCKED % "raw_spinlock",
    ),
    Kind(
        r"struct\s+rw_semaphore",
        "init_rwsem()",
        r"init_rwsem",
        r"(?:down|up)_(?:read|write)\w*|downgrade_write|lockdep_\w+|" + LOCKED % "rwsem",
    ),
    Kind(
        r"struct\s+completion",
        "init_completion()",
        r"init_completion\w*",
        r"(?:try_)?wait_for_completion\w*|complete(?:_all)?|reinit_completion",
    ),
    Kind(
        r"wait_queue_head_t|struct\s+wait_queue_head",
        "init_waitqueue_head()",
        r"\w*init_waitqueue_head",
        r"wake_up\w*|wait_event\w*|poll_wait",
    ),
    Kind(
        r"struct\s+(?:work_struct|delayed_work)",
        "INIT_WORK() or INIT_DELAYED_WORK()",
        r"INIT_\w*WORK\w*|devm_(?:delayed_)?work_autocancel",
        r"schedule_(?:delayed_)?work\w*|(?:queue|mod)_(?:delayed_)?work\w*|(?:cancel|flush)_(?:delayed_)?work\w*",
    ),
    Kind(
        r"struct\s+timer_list",
        "timer_setup()",
        r"timer_setup\w*|__init_timer\w*",
        r"(?:mod|add|del)_timer\w*|timer_(?:delete|shutdown|pending|reduce)\w*",
    ),
)
ALL = "|".join(kind.initialise for kind in KINDS)
TYPES = "|".join(f"({kind.type})" for kind in KINDS)
REMOVED = pattern(rf"\b(?:{ALL})\s*\(\s*(?:\w+\s*,\s*)?&?[\w.>\[\]-]*?(\w+)\s*[,)]")
MEMBER = pattern(rf"^[ \t]+(?:{TYPES})\s+(\w+)\s*;", re.MULTILINE)
DECLARED = pattern(rf"(?:^|\n)[ \t]+(?:{TYPES})\s+$")
OBJECT = r"\s*\(\s*(?:[^,;(){}]*,\s*)?&?\s*[\w.>\[\]()-]*?$"
WORD = pattern(r"[A-Za-z_]\w*")
Mention = Literal["declaration", "use", "other"]


def check(context: Context) -> Iterator[Finding | Silence]:
    """Members that a patch adds, or whose initialisation it removes, and that the series leaves uninitialised."""
    for file in context.c_files:
        if file.state.after is None:
            continue
        for name in dict.fromkeys((*added_members(file), *lost_initialisations(file))):
            yield from judged(context, file, code_of(file.state.after), name)


def added_members(file: ChangedFile) -> Iterator[str]:
    """The members that a patch adds."""
    for number in sorted(file.added_numbers):
        found = MEMBER.match(file.code_at(number))
        if found is not None and not file.was_there(number):
            yield found[found.re.groups]


def lost_initialisations(file: ChangedFile) -> Iterator[str]:
    """The members whose initialisation a patch removes."""
    found = (REMOVED.search(line.text) for line in file.removed)
    yield from (match[1] for match in found if match is not None)


def judged(context: Context, file: ChangedFile, code: str, name: str) -> Iterator[Finding]:
    """The claim on one name: what has to be initialised is used, and nothing else happens to it anywhere."""
    texts = known_in(context, file, name)
    kind = kind_of(name, texts)
    if kind is None or any(what == "other" for text in texts for _, what in mentions(name, kind, text)):
        return
    used = next((offset for offset, what in mentions(name, kind, code) if what == "use"), None)
    if used is not None:
        line = code.count("\n", 0, used) + 1
        yield file.finding(line, f"{name} is used here, and nothing initialises it: {kind.call} is missing")


def known_in(context: Context, file: ChangedFile, name: str) -> list[str]:
    """The texts, as the series leaves them, that can know an object with such a member; none where that is unclear."""
    own = code_of(context.final.read(file.path) or b"")
    if file.path.endswith(".c") and kind_of(name, [own]) is not None:
        return [own]
    paths, why = files_holding(context.final, name)
    return [] if why or len(paths) > FEW else [code_of(context.final.read(path) or b"") for path in paths]


@lru_cache(maxsize=64)
def code_of(content: bytes) -> str:
    """A text with comments and strings blank."""
    return without_comments(content).decode("utf-8", "replace")


@lru_cache(maxsize=64)
def declared_in(code: str) -> Mapping[str, frozenset[Kind]]:
    """The members that have to be initialised, with the kinds of which they are declared."""
    found: dict[str, frozenset[Kind]] = {}
    for match in MEMBER.finditer(code):
        name = match[match.re.groups]
        kind = next(each for number, each in enumerate(KINDS, 1) if match[number])
        found[name] = found.get(name, frozenset()) | {kind}
    return found


def kind_of(name: str, texts: Iterable[str]) -> Kind | None:
    """The kind of which members of a name are declared, None for none or several."""
    found = frozenset().union(*(declared_in(text).get(name, ()) for text in texts))
    return next(iter(found)) if len(found) == 1 else None


@lru_cache(maxsize=64)
def places_in(code: str) -> Mapping[str, list[int]]:
    """Where a text mentions the members that it declares."""
    found: dict[str, list[int]] = {name: [] for name in declared_in(code)}
    for word in WORD.finditer(code) if found else ():
        if word[0] in found:
            found[word[0]].append(word.start())
    return found


def mentions(name: str, kind: Kind, code: str) -> Iterator[tuple[int, Mention]]:
    """(offset, what it is) of each mention of a name in a text."""
    used = re.compile(rf"\b(?!\w*init)(?:{kind.use}){OBJECT}")
    known = places_in(code).get(name)
    for place in known if known is not None else (each.start() for each in re.finditer(rf"\b{name}\b", code)):
        before = code[max(0, place - REACH) : place]
        if DECLARED.search(before):
            yield place, "declaration"
        else:
            yield place, "use" if used.search(before) else "other"


RULE = Rule(
    name="not-initialised",
    summary="A lock, work, timer or wait queue is used and initialised nowhere",
    why=(
        "Memory that is zero is no unlocked lock, no idle work and no empty wait queue: lockdep and the debugging of "
        "objects warn at the first use, and without them the kernel follows null pointers."
    ),
    source=(
        "include/linux/mutex.h, spinlock.h, workqueue.h, completion.h, wait.h, timer.h; fixes whose subject is a "
        "missing mutex_init() or INIT_WORK()"
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+struct part {
+	struct mutex lock;
+	struct work_struct work;
+	spinlock_t list_lock;
+};
+static int part_read(struct part *part)
+{
+	mutex_lock(&part->lock); // want "lock is used here, and nothing initialises it: mutex_init.. is missing"
+	mutex_unlock(&part->lock);
+	spin_lock(&part->list_lock);
+	spin_unlock(&part->list_lock);
+	schedule_work(&part->work);
+	return 0;
+}
+static int part_probe(struct part *part)
+{
+	spin_lock_init(&part->list_lock);
+	INIT_WORK(&part->work, part_work);
+	return 0;
+}
""",
        """
>>> tree drivers/part.c
struct part {
	int x;
	wait_queue_head_t queue;
};
static int part_wait(struct part *part)
{
	return wait_event_interruptible(part->queue, part->x);
}
static int part_probe(struct part *part)
{
	init_waitqueue_head(&part->queue);
	return 0;
}
>>> patch part: tidy up
Tidy up.
>>> file drivers/part.c
@@ -5,9 +5,8 @@
 static int part_wait(struct part *part)
 {
 	return wait_event_interruptible(part->queue, part->x); // want "queue is used.*init_waitqueue_head"
 }
 static int part_probe(struct part *part)
 {
-	init_waitqueue_head(&part->queue);
 	return 0;
 }
""",
        """
>>> tree include/linux/part.h
struct part {
	struct delayed_work poll_work;
};
>>> tree drivers/part.c
static void part_start(struct part *part)
{
	INIT_DELAYED_WORK(&part->poll_work, part_poll);
	queue_delayed_work(part->wq, &part->poll_work, HZ);
}
>>> patch part: drop what is not needed
Drop it.
>>> file drivers/part.c
@@ -1,5 +1,4 @@
 static void part_start(struct part *part)
 {
-	INIT_DELAYED_WORK(&part->poll_work, part_poll);
 	queue_delayed_work(part->wq, &part->poll_work, HZ); // want "poll_work is used here"
 }
""",
    ),
    good=(
        """
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+struct part {
+	struct mutex lock;
+	spinlock_t state_lock;
+	struct completion done;
+};
+static int part_read(struct part *part)
+{
+	guard(mutex)(&part->lock);
+	spin_lock(&part->state_lock);
+	spin_unlock(&part->state_lock);
+	complete(&part->done);
+	return 0;
+}
+static int part_probe(struct part *part)
+{
+	devm_mutex_init(part->dev, &part->lock);
+	part_init_state(&part->state_lock);
+	return 0;
+}
+static struct part only_part = { .done = COMPLETION_INITIALIZER(only_part.done) };
""",
        """
>>> tree include/linux/part.h
struct part {
	struct delayed_work poll_work;
};
>>> tree drivers/core.c
void part_setup(struct part *part)
{
	INIT_DELAYED_WORK(&part->poll_work, part_poll);
}
>>> tree drivers/part.c
static void part_start(struct part *part)
{
	INIT_DELAYED_WORK(&part->poll_work, part_poll);
	queue_delayed_work(part->wq, &part->poll_work, HZ);
}
>>> patch part: leave it to the core
Leave it.
>>> file drivers/part.c
@@ -1,5 +1,4 @@
 static void part_start(struct part *part)
 {
-	INIT_DELAYED_WORK(&part->poll_work, part_poll);
 	queue_delayed_work(part->wq, &part->poll_work, HZ);
 }
""",
        """
 struct part {
 	struct mutex lock;
-	struct mutex other;
 };
-static int part_probe(struct part *part)
-{
-	mutex_init(&part->other);
-	return 0;
-}
""",
    ),
    wakes=(
        "struct mutex",
        "spinlock_t",
        "rw_semaphore",
        "completion",
        "wait_queue_head",
        "waitqueue_head",
        "work",
        "timer",
        "mutex_init",
        "lock_init",
        "init_rwsem",
    ),
)
