"""Control flow that a model must not lose: what leaves from within a macro or an expression, cases in any order, rounds
of loops, labels in loops. Each verdict was reasoned before it was run.
"""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check

FREE = "pte_free(mm, pmd_pgtable(old));"
STOPS = "static int stop(struct mm_struct *m) { CHECK(m->users); " + BROADCAST + " out: return 0; }"


def leaving(how: str, use: str = "stop(mm);", helpers: str = STOPS) -> Attack:
    """A macro that may leave the function, or the loop, in which it is used."""
    return Attack("unsure", use, helpers=f"#define CHECK(x) {how}\n{helpers}")


MACROS = {
    "it returns": leaving("do { if (!(x)) return 0; } while (0)"),
    "it jumps": leaving("do { if (!(x)) goto out; } while (0)"),
    "it is a return": leaving(
        "return",
        helpers="static int stop(struct mm_struct *m) { if (m->users) LEAVE; " + BROADCAST + " }"
        "\n#define LEAVE return 0",
    ),
    "it ends a loop": leaving("if (!(x)) break", "do { CHECK(mm->users); " + BROADCAST + " } while (0);", ""),
    "it ends a round": leaving(
        "if (!(x)) continue", "do { CHECK(mm->users); " + BROADCAST + " } while (0);", ""
    ),
    "an expression returns": leaving(
        "x",
        helpers="static int stop(struct mm_struct *m) { ({ if (m->users) return 0; 0; }); "
        + BROADCAST
        + " }",
    ),
    "an expression that only gives a value": Attack(
        "safe", "if (one()) " + BROADCAST, helpers="#define one() ({ int a = 1; a; })"
    ),
    "it waits by its name": Attack("safe", "DRAIN;", helpers="#define DRAIN " + BROADCAST),
    "it frees by its name": Attack(
        "unsafe", "GIVE; " + BROADCAST, helpers="#define GIVE pte_free(mm, pmd_pgtable(old))"
    ),
    "it frees in its second statement": Attack(
        "unsafe", "GIVE(0); " + BROADCAST, helpers="#define GIVE(x) poke(x); pte_free(mm, pmd_pgtable(old))"
    ),
    "it ends a section by its name": Attack(
        "unsure", middle="WINDOW;", walker="#define WINDOW local_irq_enable(); local_irq_disable()"
    ),
    "its name begins like a keyword": Attack(
        "safe", "if (is_it(1)) " + BROADCAST, helpers="#define is_it(m) doubly(m)\n#define doubly(x) x"
    ),
    "another name of a wait": Attack(
        "safe", "drain(sync, NULL, 1);", helpers="#define drain smp_call_function"
    ),
    "another name of a macro that waits": Attack(
        "safe", "drain();", helpers="#define inner() " + BROADCAST[:-1] + "\n#define drain inner"
    ),
    "made anew after it was undone": Attack(
        "unsafe",
        "STOP();",
        helpers="#define STOP() " + BROADCAST + "\n#undef STOP\n#define STOP() do { } while (0)",
    ),
}
CASES = {
    "default first, all wait": Attack(
        "safe", "switch (mm->users) { default: " + BROADCAST + " break; case 1: " + BROADCAST + " }"
    ),
    "default between, all wait": Attack(
        "safe",
        "switch (mm->users) { case 0: "
        + BROADCAST
        + " break; default: "
        + BROADCAST
        + " break; case 1: "
        + BROADCAST
        + " }",
    ),
    "default first, one does not": Attack(
        "unsafe", "switch (mm->users) { default: " + BROADCAST + " break; case 1: break; }"
    ),
    "default first falls through": Attack(
        "safe", "switch (mm->users) { default: mm->users = 1; case 1: " + BROADCAST + " }"
    ),
    "a range that does not": Attack(
        "unsafe", "switch (mm->users) { case 1 ... 5: break; default: " + BROADCAST + " }"
    ),
    "a case inside of a statement": Attack(
        "unsure", "switch (mm->users) { case 0: if (mm->last) { case 1: mm->last = 0; } " + BROADCAST + " }"
    ),
}
LOOPS = {
    "a round ends in a switch": Attack(
        "unsafe", "do { switch (mm->users) { case 1: continue; } " + BROADCAST + " } while (0);"
    ),
    "a switch ends in a round": Attack(
        "safe", "do { switch (mm->users) { case 1: break; } " + BROADCAST + " } while (0);"
    ),
    "the step frees": Attack(
        "unsure", "for (int i = 0; i < 3; pte_free(mm, pmd_pgtable(old))) i++; " + BROADCAST
    ),
    "the step waits": Attack("safe", "for (int i = 0; i < 1; " + BROADCAST[:-1] + ") i++;"),
    "the condition waits after the round": Attack(
        "safe", "do { if (mm->users) continue; mm->users = 1; } while (smp_call_function(sync, NULL, 1), 0);"
    ),
    "a label in a loop, then the next round": Attack(
        "safe",
        "while (mm->users) { if (mm->last) goto skip; mm->users = 1; skip: if (mm->count) continue; break; } "
        + BROADCAST,
    ),
    "a label in a loop, then its end": Attack(
        "safe", "while (mm->users) { if (mm->last) goto skip; mm->users = 1; skip: break; } " + BROADCAST
    ),
    "a label in a loop, and nobody waits": Attack(
        "unsafe", "while (mm->users) { if (mm->last) goto skip; mm->users = 1; skip: continue; }"
    ),
    "a label in a case that falls through": Attack(
        "safe",
        "switch (mm->users) { case 1: if (mm->last) goto skip; mm->last = 1; skip: ; default: "
        + BROADCAST
        + " }",
    ),
    "a label in a case, and it does not wait": Attack(
        "unsafe",
        "switch (mm->users) { case 1: if (mm->last) goto skip; "
        + BROADCAST
        + " skip: break; default: "
        + BROADCAST
        + " }",
    ),
}

FREES = "{ pte_free(mm, pmd_pgtable(old)); return 0; }"
ROUNDS = {
    "it frees in the second": Attack(
        "unsafe", f"int i = 0; while (mm->users) {{ if (i) {FREES} i = 1; }} {BROADCAST}"
    ),
    "it frees in the second, behind the first": Attack(
        "unsafe", f"int i = 0; do {{ if (i) {FREES} i = 1; }} while (mm->users); {BROADCAST}"
    ),
    "it frees in one behind another": Attack(
        "unsafe",
        f"bool seen = false; while (mm->users) {{ if (seen) {FREES} if (mm->last) seen = true; }} {BROADCAST}",
    ),
    "each begins anew": Attack(
        "safe", f"int i = 0; while (mm->users) {{ i = 0; if (i) {FREES} i = 1; }} {BROADCAST}"
    ),
    "nothing is handed on": Attack("safe", f"int i = 0; while (mm->users) {{ if (i) {FREES} }} {BROADCAST}"),
    "only what comes of it": Attack(
        "safe",
        "int r = 1; while (mm->users) { if (mm->last) { r = 0; break; } mm->users = 0; } "
        f"if (r) {BROADCAST} else {BROADCAST}",
    ),
}


def handing_on(
    loop: str,
    expected: str = "unsure",
    declared: str = "struct page *last = NULL;",
    helpers: str = "",
    says: str = "freed in a later round",
) -> Attack:
    """A loop that puts a table somewhere, and frees it in a later round; who waits does so behind the loop."""
    return Attack(expected, f"{loop} {BROADCAST}", declarations=declared, helpers=helpers, says=says)


KEPT = "if (last) pte_free(mm, last); last = pmd_pgtable(old);"
OBJECTS = {
    "as it is": handing_on(f"while (mm->users) {{ {KEPT} }}"),
    "in a do": handing_on(f"do {{ {KEPT} }} while (mm->users);"),
    "counted": handing_on(f"for (int i = 0; i < 3; i++) {{ {KEPT} }}"),
    "of a list": handing_on(f"list_for_each_entry(vma, mm, list) {{ {KEPT} }}"),
    "by a jump back": handing_on(f"again: {KEPT} if (mm->users) goto again;"),
    "as an entry": handing_on(
        "while (mm->users) { if (pmd_present(last)) pte_free(mm, pmd_pgtable(last)); last = old; }",
        declared="pmd_t last = __pmd(0);",
    ),
    "nobody has set it before": handing_on(
        "while (mm->users) { if (mm->last) pte_free(mm, last); last = pmd_pgtable(old); }",
        declared="struct page *last;",
    ),
    "in a member": handing_on(f"while (mm->users) {{ {KEPT.replace('last', 'mm->last')} }}"),
    "in an array": handing_on(
        "for (i = 0; i < 2; i++) { if (i) pte_free(mm, last[i - 1]); last[i] = pmd_pgtable(old); }",
        declared="struct page *last[2]; int i;",
    ),
    "by way of another": handing_on(
        "while (mm->users) { t = last; last = pmd_pgtable(old); if (t) pte_free(mm, t); }",
        declared="struct page *last = NULL, *t;",
    ),
    "given to a helper": handing_on(
        "while (mm->users) { give(mm, &last, pmd_pgtable(old)); }",
        helpers="static void give(struct mm_struct *m, struct page **p, struct page *n)"
        " { if (*p) pte_free(m, *p); *p = n; }",
    ),
    "in a loop of loops": handing_on(f"while (mm->users) {{ while (mm->last) {{ {KEPT} }} }}"),
    "by an outer loop": handing_on(
        "while (mm->users) { while (mm->last) { if (last) pte_free(mm, last); } last = pmd_pgtable(old); }"
    ),
    "and nobody frees it": handing_on(
        "while (mm->users) { if (last) mm->users = 0; last = pmd_pgtable(old); }", "safe", says=""
    ),
    "what is freed is another": handing_on(
        "while (p) { kfree(p); p = p->next; }", "safe", declared="struct vma *p = mm->list;", says=""
    ),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_which_object_a_round_hands_on(name: str) -> None:
    check(OBJECTS[name])


@pytest.mark.parametrize("name", ROUNDS)
def test_what_a_round_hands_on(name: str) -> None:
    check(ROUNDS[name])


@pytest.mark.parametrize("name", MACROS)
def test_what_a_macro_does(name: str) -> None:
    check(MACROS[name])


@pytest.mark.parametrize("name", CASES)
def test_which_case_is_taken(name: str) -> None:
    check(CASES[name])


@pytest.mark.parametrize("name", LOOPS)
def test_how_a_loop_goes_on(name: str) -> None:
    check(LOOPS[name])
