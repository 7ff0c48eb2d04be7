"""A performance figure that nobody can judge: no machine, no benchmark, no figures before and after."""

import re
from collections.abc import Iterator
from itertools import pairwise

from patchscan.rule import Context, Finding, Rule, Silence, frozen, pattern

RATIO = (
    r"(?!100\s?%)\d+(?:\.\d+)?\s?(?:%|percent\b)|\b\d+(?:\.\d+)?(?:\s?x\b| times (?=faster|slower|"
    r"more|less|higher|lower))|"
    r"\bfactor of (?:\d+|two|three|four|five|ten)\b"
)
TIME = r"\b\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|sec|seconds|cycles|instructions)\b"
RATE = r"\b\d+(?:\.\d+)?\s?(?:[KMGkmg]i?[Bb](?:it)?(?:/s|ps)|[KMkm]?(?:IOPS|ops/s|qps|pps))"
FIGURE = pattern(f"{RATIO}|{TIME}|{RATE}")
# What a sentence with a figure must speak of, to be a claim about speed ...
SPEED = pattern(
    r"\b(?:latenc(?:y|ies)|throughput|bandwidth|IOPS|performance|speed(?:s|-?ups?)?|slow(?:er|s|down|"
    r"-down)?|faster|"
    r"regress(?:es|ed|ion|ions)?|(?:run|running|execution|boot|wall|elapsed|build|system|CPU) ?time|"
    r"overhead|cycles|"
    r"quicker|(?:CPU|cpu) (?:usage|utili[sz]ation|load))\b"
)
# ... and that it changes: a bare time may be a property of the hardware.
CHANGE = pattern(
    r"\b(?:add(?:s|ed|ing)?|save[sd]?|saving|cost(?:s|ing)?|reduc(?:e[sd]?|ing|tion)|increas(?:e[sd]?|ing)|"
    r"improv(?:e[sd]?|ing|ements?)|decreas(?:e[sd]?|ing)|cut(?:s|ting)?|drop(?:s|ped)?|gain(?:s|ed)?|"
    r"slower|faster|"
    r"regress(?:es|ed|ion)?|overhead|penalty|speed-?up|shav(?:e[sd]?|ing)|lower(?:s|ed)?)\b",
    re.IGNORECASE,
)
# A claim without a figure. "no performance regression" claims nothing.
GAIN_WORDS = ("performance", "throughput", "latenc", "scalability", "bandwidth")
GAIN = pattern(
    r"\b(?:improv\w+|increas\w+|boost\w*|better|optimi[sz]\w+|enhanc\w+|reduc\w+|lower\w*|decreas\w+|"
    r"degrad\w+|hurt\w*)\s+(?:[\w'-]+\s+){0,2}?"
    r"(?:performance|throughput|latency|latencies|scalability|bandwidth)\b(?![- ]\w+ive)|"
    r"\b(?:performance|throughput|latency|scalability)\s+(?:\w+\s+)?"
    r"(?:improvements?|gains?|degradation|penalty|boost)\b",
    re.IGNORECASE,
)
DENIED = pattern(
    r"\b(?:no|not|without|any|avoid\w*|may|might|could|should|to|for|can|never)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
SIZE = pattern(
    r"\bmemory (?:overhead|usage|footprint)|\b(?:of|system|total) memory|\b(?:binary|code|text) size"
)
# A model names the machine wherever it stands; an architecture does so in a sentence about the measurement.
MODEL = pattern(
    r"\b(?:xeon|epyc|ryzen|threadripper|opteron|power ?(?:8|9|10|11)|altra|ampereone|graviton\d?|"
    r"neoverse|cortex-[amx]\d+|"
    r"kunpeng|thunderx\d?|skylake|(?:ice|cascade|cooper|tiger|alder|raptor|meteor|lunar|arrow) ?lake|"
    r"(?:sapphire|emerald|granite) ?rapids|sierra ?forest|broadwell|haswell|genoa|bergamo|"
    r"raspberry ?pi|rpi ?\d|snapdragon|"
    r"exynos\d*|tegra\d*|rk3\d{3}|i\.mx\d+|mt\d{4}|pixel \d|i[3579]-\d{3,}\w*|apple m\d|z1[3-7]|"
    r"e[357]-\d{4}\w*|"
    r"(?:m|c|r|t)\d[a-z]*\.(?:\d*x?large|metal)|gold \d{4}|platinum \d{4})\b",
    re.IGNORECASE,
)
ARCHITECTURE = pattern(
    r"\b(?:x86(?:[-_]64)?|amd64|arm64|arm32|armv\d|aarch64|arm|risc-?v\d*|s390x?|powerpc\d*|"
    r"ppc64(?:le)?|loongarch\d*|mips|"
    r"sparc64|intel|amd|zen ?\d\+?|qemu)\b",
    re.IGNORECASE,
)
MEASURED = pattern(
    r"\b(?:measured|measurements?|tested|testing on|ran|run on|running on|bench\w*|results?|numbers|"
    r"(?:hardware|system|machine|server|platform|cpu|testbed|setup|environment)\s*[:=])",
    re.IGNORECASE,
)
BENCHMARK = pattern(
    r"\b(?:\w*bench(?:mark(?!s\b|ing\b|ed\b))?|bench[-_]\w+|will-it-scale|fio|netperf|iperf\d?|"
    r"lmbench|stress-ng|"
    r"redis\w*|mysql|postgres\w*|memcached|nginx|wrk2?|specjbb\d*|spec(?:cpu)?\d{2,4}|vm-scalability|"
    r"gup_test|usemem|neper|"
    r"mmtests|rt-app|cyclictest|rtla|osnoise|pktgen|xdp\w+|tcp_rr|udp_rr|ycsb|cassandra|rocksdb|"
    r"db_bench|leveldb|"
    r"kernel (?:build|compile|compilation)|building (?:a|the) kernel|make -j\s?\w+|dd if=\S+|"
    r"test (?:program|case|module)|"
    r"selftests?|kselftest|kunit|micro-?benchmark|perf (?:stat|bench|record|trace)|unixbench|"
    r"\w+_perf_test|trafgen|"
    r"sockperf|qperf|ib_\w+_(?:bw|lat)|geekbench|antutu|aim\d|io_uring-?\w*|t/io_uring|"
    r"(?:loop|iterations|calls) of \w+|\d[\d,. ]*[kKmM]? (?:iterations|calls|loops)|workload (?:of|"
    r"with|that))\b"
)
COMPARED = pattern(
    r"\bfrom\s+\W?\d[\d.,]*\s*\S{0,8}(?:\s\w+){0,3}\s+(?:down |up )?to\s+\W?\d|\d\s*\S{0,5}\s*(?:->|"
    r"=>|-->|vs\.?|versus)\s*\W?\d|"
    r"\bbefore\b.*\d.*\bafter\b|\b(?:baseline|vanilla|unpatched|mainline|base)\b.*\bpatched\b|"
    r"\bversus\b.*\d|"
    r"\d\S*(?:\s\w+){0,3}\s+(?:instead of|compared (?:to|with)|rather than)\s+\W?\d",
    re.IGNORECASE | re.DOTALL,
)
TABLE_ROW = pattern(r"^[\s|>].*\d[\d.,]*\D+\d")
DRAWN = pattern(r"[\s|+=_-]*[|+=_-]{3}[\s|+=_-]*")
DIFFSTAT = pattern(r"\|\s+(?:\d+ [+-]*|Bin\b.*)$|\bfiles? changed\b")
NOT_PROSE = pattern(r"^(?:\s{2,}|\t|>|[|+]|[A-Z][A-Za-z-]+: |\[?\d+\]?:? https?:)")
SENTENCE_END = pattern(r"[.!?](?=\s+[A-Z(\[]|\s*$)|\n\s*\n")
ABSENT = ("the machine (architecture and CPU)", "the benchmark", "the figures before and after")


@frozen
class Claim:
    """A sentence of a changelog that gives a figure for speed; line: of the figure, from 1."""

    line: int
    figure: str
    sentence: str


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first claim for which the reader misses most of what is needed, or why each claim will do."""
    lines = context.patch.changelog
    has_digit = any(character.isdigit() for line in lines for character in line)
    found = tuple(claims(lines)) if has_digit else ()
    for claim in found:
        if not context.patch.index and (patch := repeats(context, claim)):
            yield context.changelog_fine(claim.line, f"patch {patch} says the same, and is judged")
            continue
        missing = missing_facts(context, claim)
        # What a series is for need not be proved before its patches are read: one fact will do there.
        if len(missing) >= (2 if context.patch.index else len(ABSENT)):
            yield context.changelog_finding(
                claim.line,
                f'"{claim.figure}" cannot be judged: the {kind_of(context)} does not give {listing(missing)}',
                severity="warning" if len(missing) == len(ABSENT) else "info",
            )
            return
        yield context.changelog_fine(
            claim.line,
            f"the figure stands with {len(ABSENT) - len(missing)} of: machine, benchmark, before and after",
        )
    if not found:
        yield from without_figure(context)


def kind_of(context: Context) -> str:
    """What the text is called."""
    return "changelog" if context.patch.index else "cover letter"


def repeats(context: Context, claim: Claim) -> int:
    """The patch whose changelog gives a figure of the cover letter too, 0 where none does."""
    return next(
        (
            patch.index
            for patch in context.series.patches
            if any(claim.figure in " ".join(each.sentence.split()) for each in claims(patch.changelog))
        ),
        0,
    )


def without_figure(context: Context) -> Iterator[Finding | Silence]:
    """The first claim of a gain or loss in a changelog that gives no figure at all."""
    lines = context.patch.changelog
    if not any(word in line.lower() for line in lines for word in GAIN_WORDS):
        return
    prose = "\n".join("" if NOT_PROSE.match(line) else line for line in lines)
    gain = next((each for each in GAIN.finditer(prose) if not DENIED.search(prose[: each.start()])), None)
    if gain is None:
        return
    line = prose.count("\n", 0, gain.start()) + 1
    if has_table(lines) or beside(context):
        yield context.changelog_fine(line, "the changelog or the cover letter gives figures")
        return
    if not context.patch.index:
        yield context.changelog_fine(line, "a cover letter may tell what is meant without figures")
        return
    yield context.changelog_finding(
        line,
        f'"{" ".join(gain[0].split())}": by how much? Figures for a machine and a benchmark would back it up',
        severity="info",
    )


def beside(context: Context) -> tuple[str, ...]:
    """What else in the series gives figures: the cover letter, and for a cover letter the patches."""
    patch, series = context.patch, context.series
    others = series.patches if not patch.index else (series.cover,) if series.cover else ()
    texts = [other.changelog for other in others]
    return tuple(
        line for text in texts if has_table(text) or any(True for _ in claims(text)) for line in ("", *text)
    )


def claims(lines: tuple[str, ...]) -> Iterator[Claim]:
    """The sentences of prose that hold a figure for speed."""
    prose = "\n".join("" if NOT_PROSE.match(line) else line for line in lines)
    start = 0
    for end in [*(match.end() for match in SENTENCE_END.finditer(prose)), len(prose)]:
        sentence = prose[start:end]
        figure = figure_of(sentence)
        if figure is not None:
            line = prose.count("\n", 0, start + figure.start()) + 1
            yield Claim(line, " ".join(figure[0].split()), sentence)
        start = end


def figure_of(sentence: str) -> "re.Match[str] | None":
    """The figure for speed in a sentence, None where it has none."""
    if not any(map(str.isdigit, sentence)) and "factor of" not in sentence:
        return None
    if not SPEED.search(sentence) or SIZE.search(sentence):
        return None
    return FIGURE.search(sentence) if CHANGE.search(sentence) else None


def missing_facts(context: Context, claim: Claim) -> tuple[str, ...]:
    """Which of the three facts neither the text gives nor what else of the series has figures."""
    lines = (*context.patch.changelog, *beside(context))
    text = "\n".join(lines)
    known = (
        names_machine(text, claim),
        BENCHMARK.search(text) is not None,
        COMPARED.search(claim.sentence) is not None or has_table(lines),
    )
    return tuple(fact for fact, there in zip(ABSENT, known, strict=True) if not there)


def names_machine(text: str, claim: Claim) -> bool:
    """Whether the text says what was measured on."""
    if MODEL.search(text):
        return True
    return any(
        ARCHITECTURE.search(sentence)
        for sentence in SENTENCE_END.split(text)
        if claim.figure in " ".join(sentence.split()) or MEASURED.search(sentence)
    )


def has_table(lines: tuple[str, ...]) -> bool:
    """Whether two lines in a row or more, lines that are drawn aside, set several figures side by side."""
    rows = [
        TABLE_ROW.search(line) is not None and not DIFFSTAT.search(line)
        for line in lines
        if not DRAWN.fullmatch(line)
    ]
    return any(first and second for first, second in pairwise(rows))


def listing(facts: tuple[str, ...]) -> str:
    """ "a, b or c"."""
    return " or ".join([", ".join(facts[:-1]), facts[-1]]) if len(facts) > 1 else facts[0]


RULE = Rule(
    name="changelog-unqualified-numbers",
    summary="A performance figure without the machine, the benchmark or the figures before and after",
    why=(
        '"3% slower" means something else on a phone, on a server with 400 CPUs and in a loop that does nothing '
        "else. The reader must be able to judge whether the cost or gain is acceptable: name the architecture and "
        "CPU, the benchmark, and what it gave before and after."
    ),
    source=(
        "Documentation/process/submitting-patches.rst (quantify optimizations and trade-offs: include numbers "
        'that back them up); review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" '
        "v4 1/3, 2026-02-02 (what architecture, and is that acceptable?)"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    cover=True,
    bad=(
        """
>>> patch mm: track walks
Let each CPU say what it walks.

The bookkeeping makes the fast path about 3% slower on // want "3%.*machine.*benchmark.*before and after"
a system of 64 cores.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: look at the cache first
In our tests this brings the latency of a fault down,
saving 12 us each time. // want "12 us"
>>> file mm/example.c
+int x;
""",
        """
>>> cover mm: look at the cache first
Most entries are in the cache.

With this, the throughput of a lookup rises, a gain of 40%. // want "40%.*the cover letter does not give"
>>> patch mm: look at the cache first
Ask the cache, then the list.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: look at the cache first
The cache holds most entries, so asking it first improves // want "by how much"
performance.
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> cover mm: track walks
These patches cost about 3% of the throughput of the fast path.
>>> patch mm: track walks
On an AMD EPYC 9654, gup_test takes 2.10 s before and 2.16 s
after, a cost of 3% of the throughput.
>>> file mm/example.c
+int x;
""",
        """
>>> cover mm: look at the cache first
Entries are looked up in the cache, to improve performance. In v2
each lookup needed 3 attempts.
>>> patch mm: look at the cache first
Ask the cache, then the list.
>>> file mm/example.c
+int x;
""",
        """
>>> cover mm: look at the cache first
The overhead of a lookup is reduced from 41% to 5.5%.
>>> patch mm: look at the cache first
Ask the cache, then the list.
>>> file mm/example.c
+int x;
""",
        """
>>> cover mm: look at the cache first
On a Xeon E5-2680, fio runs 12% faster:

              before     after
  1 thread     10481     12100
  8 threads    70002     79000
>>> patch mm: look at the cache first
Ask the cache, then the list, which brings the throughput up by 12%.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: look at the cache first
Asking the cache first should not hurt performance, and there is no performance
penalty without a cache. It is meant to improve performance for those with
latency sensitive work. Today pages are taken at once for better performance.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: track walks
On an AMD EPYC 9654 a run of gup_test takes 2.10 s before and
2.16 s after, 3% slower.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: look at the cache first
Throughput rises by 12% on a Xeon E5-2680:

              before     after
  1 thread     10481     12100
  8 threads    70002     79000
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: look at the cache first
It has better latencies than a list:

|  entries  |  before  |  after  |
|-----------|----------|---------|
|     1     |   49%    |   29%   |
|-----------|----------|---------|
|     6     |   27%    |   28%   |
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: wait less
The device needs up to 100 us to come out of reset, and the timer
fires every 10 ms. The page holds 50% of the entries.
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: store tags in page flags
The memory overhead is about 0.2% of total system memory.
>>> file mm/example.c
+int x;
""",
    ),
)
