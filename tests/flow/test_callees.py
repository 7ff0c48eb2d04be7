"""What a function does that another file defines: from the tree, one level, unknown where definitions differ."""

import pytest
from patchscan.c.source import Function, Source, parse, parse_fragment
from patchscan.flow.callees import MOST_LOOK_UPS, Callees, Inside
from patchscan.flow.certain import certain_call
from patchscan.flow.sleeping import sleeps
from patchscan.lookup.definitions import MOST_FILES, find_definitions
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import MemoryTree, read_example
from patchscan.tree.overlay import View

CALLER = "mm/caller.c"
SLEEPER = "void settle(struct pool *p)\n{\n\tmutex_lock(&p->lock);\n\tmutex_unlock(&p->lock);\n}\n"
HARMLESS = "void settle(struct pool *p)\n{\n\tp->settled = true;\n}\n"


def callee(body: str, parameters: str = "struct pool *p, bool wait, gfp_t flags, int size") -> Function:
    (function,) = parse(f"int settle({parameters})\n{{\n\t{body}\n}}\n".encode()).functions()
    assert not function.partial
    return function


@pytest.mark.parametrize(
    ("body", "arguments", "name"),
    [
        ("msleep(1);", (), "msleep"),
        ("if (!p->settled) return; mutex_lock(&p->lock);", (), "mutex_lock"),
        ("if (size > 8) return -EINVAL; mutex_lock(&p->lock);", (), "mutex_lock"),
        ("if (p->error) goto out; msleep(1); out: return 0;", (), "msleep"),
        ('if (p->error) { pr_warn("wrong"); return 0; } msleep(1);', (), "msleep"),
        ("if (open_pool(p)) { close_pool(p); return -EIO; } msleep(1);", (), "msleep"),
        ("do { msleep(1); } while (more(p));", (), "msleep"),
        ("scoped_guard(rcu) a(); msleep(1);", (), "msleep"),
        ("if (wait) msleep(1);", ("p", "true", "0", "1"), "msleep"),
        ("if (!wait) a(); else msleep(1);", ("p", "true", "0", "1"), "msleep"),
        ("if (wait && p) msleep(1);", ("&pool", "true", "0", "1"), "msleep"),
        ("if (!wait) return 0; msleep(1);", ("p", "1", "0", "1"), "msleep"),
        ("p->x = kmalloc(size, flags);", ("p", "true", "GFP_KERNEL", "1"), "kmalloc"),
        ("p->x = kmalloc(size, flags | __GFP_ZERO);", ("p", "true", "GFP_KERNEL", "1"), "kmalloc"),
        ("might_sleep_if(gfpflags_allow_blocking(flags));", ("p", "true", "GFP_NOFS", "1"), "might_sleep_if"),
        ("if (gfpflags_allow_blocking(flags)) cond_resched();", ("p", "0", "GFP_USER", "1"), "cond_resched"),
        ("spin_lock(&p->inner); spin_unlock(&p->inner); msleep(1);", (), "msleep"),
    ],
)
def test_what_a_function_always_does(body: str, arguments: tuple[str, ...], name: str) -> None:
    call = certain_call(callee(body), arguments, sleeps)
    assert call is not None and call.name == name


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("if (wait) msleep(1);", ()),
        ("if (wait) msleep(1);", ("p", "false", "0", "1")),
        ("if (wait) msleep(1);", ("p", "q->wait", "0", "1")),
        ("wait = false; if (wait) msleep(1);", ("p", "true", "0", "1")),
        ("init(&wait); if (wait) msleep(1);", ("p", "true", "0", "1")),
        ("if (!wait) return 0; msleep(1);", ()),
        ("if (!wait) return 0; msleep(1);", ("p", "false", "0", "1")),
        ("if (size > 8) return 0; msleep(1);", ()),
        ("if (in_atomic()) return 0; msleep(1);", ()),
        ("if (irqs_disabled()) goto out; msleep(1); out: return 0;", ()),
        ("if (p->nowait) return 0; msleep(1);", ()),
        ("if (p->busy) return -EAGAIN; msleep(1);", ()),
        ("if (current->flags & PF_MEMALLOC) return 0; msleep(1);", ()),
        ("if (p->global) { settle_here(p); return 0; } msleep(1);", ()),
        ("return 0; msleep(1);", ()),
        ("for (; size; size--) msleep(1);", ()),
        ("do { if (a(p)) break; msleep(1); } while (more(p));", ()),
        ("switch (size) { case 1: msleep(1); }", ()),
        ("return wait && msleep_interruptible(1);", ()),
        ("return wait ? msleep_interruptible(1) : 0;", ()),
        ("return sizeof(msleep(1));", ()),
        ("#ifdef CONFIG_X\nmsleep(1);\n#endif", ()),
        ("spin_unlock(&p->lock); msleep(1); spin_lock(&p->lock);", ()),
        ("rcu_read_unlock(); msleep(1); rcu_read_lock();", ()),
        ("local_irq_enable(); msleep(1); local_irq_disable();", ()),
        ("pool_unlock(p); msleep(1); pool_lock(p);", ()),
        ("p->x = kmalloc(size, flags);", ()),
        ("p->x = kmalloc(size, flags);", ("p", "true", "GFP_ATOMIC", "1")),
        ("p->x = kmalloc(size, flags);", ("p", "true", "q->flags", "1")),
        ("flags &= ~__GFP_DIRECT_RECLAIM; p->x = kmalloc(size, flags);", ("p", "true", "GFP_KERNEL", "1")),
        ("p->ops->sleep(p); sleep_later(p); copy_from_user_nofault(p, q, 8);", ()),
    ],
)
def test_what_a_function_does_only_sometimes(body: str, arguments: tuple[str, ...]) -> None:
    assert certain_call(callee(body), arguments, sleeps) is None


def asking(includes: str = "", path: str = CALLER) -> Source:
    return parse(f"{includes}\nvoid f(void)\n{{\n\tsettle(p);\n}}\n".encode(), path)


# Where many files hold a name, only the directories of what a series changes are searched, and include/.
TOUCHED: dict[str, bytes | None] = dict.fromkeys(
    (CALLER, "drivers/other/a.c", "drivers/a.c", "arch/arm/mm/b.c", "arch/x86/mm/b.c"), b""
)


def view(files: dict[str, str], changed: dict[str, bytes | None] | None = None) -> View:
    tree = MemoryTree("a tree", {path: text.encode() for path, text in files.items()})
    return View(tree, {path: text for path, text in TOUCHED.items() if path not in files} | (changed or {}))


def found(
    files: dict[str, str], source: Source | None = None, arguments: tuple[str, ...] = ("p",)
) -> Inside | str:
    return Callees(view(files)).certain_call("settle", arguments, source or asking(), sleeps)


@pytest.mark.parametrize(
    "files",
    [
        {"mm/pool.c": SLEEPER},
        {
            "drivers/pool.c": "int other;\n" + SLEEPER,
            "include/linux/pool.h": "void settle(struct pool *p);\n",
        },
        {"include/linux/pool.h": "static inline " + SLEEPER},
        {"mm/pool.h": "static inline " + SLEEPER},
        {"mm/pool.c": SLEEPER, "drivers/other.c": "static " + HARMLESS},
        {"mm/pool.c": SLEEPER, "drivers/other.h": "static inline " + HARMLESS},
        {"mm/pool.c": SLEEPER, "drivers/other.c": "void g(void)\n{\n\tint settle = 1;\n\tsettle(p);\n}\n"},
        {"mm/a.c": SLEEPER, "mm/b.c": SLEEPER},
        {"include/linux/pool.h": "#define settle(p) mutex_lock(&(p)->lock)\n"},
        {"include/linux/pool.h": "#define settle(p) \\\ndo { \\\n\tmight_sleep(); \\\n} while (0)\n"},
        {"mm/pool.h": "#define settle(p) settle_all(p)\n", "mm/b.c": SLEEPER.replace("settle", "settle_all")},
    ],
)
def test_a_definition_that_sleeps_is_found(files: dict[str, str]) -> None:
    inside = found(files)
    assert isinstance(inside, Inside)
    assert inside.name in ("mutex_lock", "might_sleep")
    assert inside.text == files[inside.path].split("\n")[inside.line - 1].strip()


@pytest.mark.parametrize(
    "files",
    [
        {"mm/pool.c": HARMLESS},
        {"mm/a.c": SLEEPER, "mm/b.c": HARMLESS},
        {"mm/a.c": f"#ifdef CONFIG_A\n{SLEEPER}#else\n{HARMLESS}#endif\n"},
        {"arch/x86/mm/a.c": SLEEPER, "arch/arm/mm/a.c": HARMLESS},
        {"mm/a.c": "void __weak" + SLEEPER.removeprefix("void")},
        {"mm/a.c": SLEEPER, "arch/x86/lib/settle.S": "SYM_FUNC_START(settle)\n\tret\n"},
        {"mm/a.c": SLEEPER, "arch/x86/include/asm/a.h": "#define settle settle_fast\n"},
        {"mm/a.c": "static " + SLEEPER},
        {"drivers/other.h": "static inline " + SLEEPER},
        {"include/linux/pool.h": "#define settle(p) settle(p)\n"},
        {"include/linux/pool.h": "#define settle(p, ...) msleep(1)\n"},
        {
            "include/linux/pool.h": "#define settle(p) b()\n#define b() c()\n#define c() d()\n#define d() msleep(1)\n"
        },
        {
            "mm/pool.c": "void settle(struct pool *p)\n{\n\tdeep(p);\n}\nvoid deep(void *p)\n{\n\tmsleep(1);\n}\n"
        },
        {"mm/a.c": SLEEPER.replace("mutex_lock", "if (p) p->x = 1 +")},
        {},
    ],
)
def test_a_definition_that_differs_or_is_missing_is_unknown(files: dict[str, str]) -> None:
    assert isinstance(found(files), str)


def test_a_header_is_meant_where_it_is_included() -> None:
    header = {"drivers/core/pool.h": "static inline " + SLEEPER}
    assert isinstance(found(header, asking('#include "../drivers/core/pool.h"')), Inside)
    assert isinstance(found(header, asking("#include <linux/mm.h>")), str)


def test_another_architecture_is_not_meant() -> None:
    files = {
        "arch/x86/include/asm/a.h": "static inline " + SLEEPER,
        "arch/arm/include/asm/a.h": "static inline " + HARMLESS,
    }
    assert isinstance(found(files, asking(path="arch/x86/mm/init.c")), Inside)
    assert isinstance(found(files, asking(path="arch/arm/mm/init.c")), str)


def test_a_fragment_means_its_own_file_or_what_is_declared() -> None:
    fragment = parse_fragment([b"\tsettle(p);"], 10, b"void f(void)", CALLER)
    assert isinstance(found({CALLER: "static " + SLEEPER, "mm/b.c": HARMLESS}, fragment), Inside)
    assert str(found({"mm/a.c": SLEEPER}, fragment)).startswith("no definition of it was found")
    declared = {"mm/a.c": SLEEPER, "mm/a.h": "void settle(struct pool *p);\n"}
    assert isinstance(found(declared, fragment), Inside)


def test_what_the_series_changes_counts_as_it_leaves_it() -> None:
    now = view({"mm/a.c": SLEEPER}, {"mm/a.c": HARMLESS.encode()})
    assert Callees(now).certain_call("settle", ("p",), asking(), sleeps) == ""
    unknown = Callees(view({"mm/a.c": SLEEPER}), frozenset({"mm/a.c"}))
    assert "does not apply" in str(unknown.certain_call("settle", ("p",), asking(), sleeps))


def test_a_name_that_stands_everywhere_is_not_looked_up() -> None:
    files = {f"mm/{number}.c": "void f(void)\n{\n\tsettle(p);\n}\n" for number in range(MOST_FILES)}
    why = find_definitions(view({**files, "mm/pool.c": SLEEPER}), "settle", asking()).why
    assert str(MOST_FILES) in why


def test_look_ups_are_bounded() -> None:
    names = [f"settle_{number}" for number in range(MOST_LOOK_UPS + 1)]
    text = "".join(SLEEPER.replace("settle", name) for name in names)

    callees = Callees(view({"mm/pool.c": text}))
    answers = {name: callees.certain_call(name, ("p",), asking(), sleeps) for name in names}
    assert [name for name, answer in answers.items() if isinstance(answer, Inside)] == names[:MOST_LOOK_UPS]


def test_a_lock_taken_by_a_function_of_another_file() -> None:
    files = {"mm/pool.c": "void pool_lock(struct pool *p)\n{\n\traw_spin_lock_irq(&p->lock);\n}\n"}
    summary = Callees(view(files)).summaries(asking())("pool_lock")
    assert summary is not None and summary.certain
    assert summary.acquires == (("raw_spin", "p->lock"),) and summary.irqs_off is True
    assert Callees(View(None, {})).summaries(asking())("pool_lock") is None
    two = {**files, "mm/other.c": files["mm/pool.c"].replace("raw_spin_lock_irq", "mutex_lock")}
    assert Callees(view(two)).summaries(asking())("pool_lock") is None


def test_null_and_freed_arguments_of_a_function_of_another_file() -> None:
    body = "struct pool *drop(struct pool *p, void *q)\n{\n\tkfree(p);\n\tkfree(q);\n\treturn NULL;\n}\n"
    summary = Callees(view({"mm/pool.c": body})).summary("drop", asking())
    assert summary is not None and (summary.frees, summary.may_return_null) == ((0, 1), True)
    other = body.replace("\tkfree(q);\n", "").replace("NULL", "q")
    both = Callees(view({"mm/pool.c": body, "drivers/pool.c": other})).summary("drop", asking())
    assert both is not None and (both.frees, both.may_return_null) == ((0,), None)


EXAMPLE = """
>>> patch mm: settle under the lock
>>> file mm/example.c
 static void use(struct buffer *buffer)
 {
 	spin_lock(&buffer->lock);
+	settle(buffer);
+	list_del(&buffer->list);
 	spin_unlock(&buffer->lock);
 }
"""


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (None, ["whether the function called here may sleep is not known: no tree at hand"]),
        ({}, ["whether the function called here may sleep is not known: no definition of it was found"]),
        ({"mm/pool.c": HARMLESS}, []),
    ],
)
def test_what_was_not_looked_up_is_said(tree: dict[str, str] | None, expected: list[str]) -> None:
    series, _, _ = read_example(EXAMPLE)
    rules = [rule for rule in load_rules()[0] if rule.name == "sleep-in-atomic"]
    body = "\tspin_lock(&buffer->lock);\n\tspin_unlock(&buffer->lock);\n"
    before = f"static void use(struct buffer *buffer)\n{{\n{body}}}\n"
    files = None if tree is None else view({**tree, "mm/example.c": before}).tree
    report = scan(Thread((series,), (), ()), files, rules)
    assert [each.reason.partition(" in the files")[0] for each in report.unchecked] == expected
    assert report.findings == () and report.problems == ()
