"""Two model results as the model part gives them, for tests of what the formats make of them."""

from patchscan.results import ModelResult, Step

WALKER = "CPU 0: walk_tables()"
FREER = "CPU 1: free_table()"

UNSAFE = ModelResult(
    name="targeted interrupts, x86",
    scenario="targeted interrupts",
    config="x86",
    verdict="unsafe",
    before="safe",
    outcome="Sometimes",
    timeline=(
        Step(FREER, "WRITE_ONCE(*entry, 0)", "mm/free.c", 41),
        Step(FREER, "smp_rmb()", "mm/free.c", 44),
        Step(
            FREER, "READ_ONCE(walking[0]): nobody walks, so no interrupt is sent", "mm/free.c", 46, missed=4
        ),
        Step(WALKER, "this_cpu_write(walking, mm)", "mm/walk.c", 12),
        Step(WALKER, "READ_ONCE(*entry): the table", "mm/walk.c", 14, missed=1),
        Step(FREER, "free the table", "mm/free.c", 52),
        Step(WALKER, "read the freed table", "mm/walk.c", 17, reads_from=6),
    ),
    repair="smp_mb() in free_table() in place of smp_rmb()",
    assumptions=("both work on the same mm", "two CPUs"),
    unmodelled=("trace_walk() <b>",),
    litmus="C targeted\n\n{}\n\nP0(int *x)\n{\n\tWRITE_ONCE(*x, 1);\n}\n",
    replay="patchscan simulate targeted-x86.litmus --timeline",
)
SAFE = ModelResult(
    name="targeted interrupts, arm64",
    scenario="targeted interrupts",
    config="arm64",
    verdict="safe",
    before="safe",
    outcome="Never",
    litmus="C safe\n",
)
UNKNOWN = ModelResult(
    name="broadcast, x86", scenario="broadcast", config="x86", verdict="unknown", before=None, outcome="Never"
)
MODELS = (UNSAFE, SAFE, UNKNOWN)
