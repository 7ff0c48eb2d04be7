"""A function that returns success where something failed, or the code of something that did not fail."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.returning import Wrong

_WORDS = pattern(r"\b(return|goto|if|PTR_ERR)\b|=")
_NO_NUMBER = pattern(
    r"\*|\b(?:void|bool|irqreturn_t|netdev_tx_t|unsigned|ulong|uint|size_t|dev_t|sector_t|pgoff_t|umode_t|gfp_t|__poll_t"
    r"|vm_fault_t|blk_status_t|\w+_addr_t|(?:__)?u\d+|uint\d+_t|__[bl]e\d+)\b"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions in which the patch changes what is returned, decided or assigned."""
    for file in context.c_files:
        if any(_WORDS.search(line.text) for line in (*file.added, *file.removed)):
            for function in file.functions:
                yield from check_function(file, function)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.building import graph_of
    from patchscan.flow.returning import set_codes, unset_codes, wrong_returns

    if (
        not function.name
        or _NO_NUMBER.search(function.header.partition(function.name)[0])
        or ("PTR_ERR" not in function.text and ("return" not in function.text))
    ):
        return
    graph = graph_of(function)
    if graph is None:
        return
    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    found = [(each, line) for each in wrong_returns(graph) if (line := place(file, each)) is not None]
    if not found and old is not None:
        unset = unset_codes(graph)
        was_set = set_codes(old) if unset else frozenset()
        lost = [each for what, each in unset.items() if what in was_set]
        found = [(each, line) for each in lost if (line := place(file, each)) is not None]
    if not found:
        return
    known = {key_of(each) for each in wrong_returns(old)} if old is not None else set()
    said = set()
    for wrong, line in found:
        if key_of(wrong) not in known and (line, wrong.line, wrong.returned) not in said:
            said.add((line, wrong.line, wrong.returned))
            yield report(file, function, wrong, line)


def key_of(wrong: "Wrong") -> tuple[str, str, str, str]:
    """What tells a wrong return in another state of the function."""
    return wrong.why, wrong.decision.key, wrong.returned, wrong.other


def place(file: ChangedFile, wrong: "Wrong") -> int | None:
    """The line to speak at, of those that the patch adds; where it took one away, the decision's."""
    lines = (wrong.line, wrong.decision.printed, wrong.decision.line, wrong.tested)
    for line in lines:
        if line and line in file.added_numbers and not file.was_there(line):
            return line
    inside = range(wrong.decision.line, max(wrong.decision.line + 2, wrong.decision.printed + 2))
    return next((line for line in inside if line in file.touched_numbers), None)


def nothing(wrong: "Wrong") -> str:
    """What a pointer was found to be."""
    return "an error" if wrong.decision.signs & 1 else "NULL"


def report(file: ChangedFile, function: Function, wrong: "Wrong", line: int) -> Finding:
    decided, ends = file.patch_line(wrong.decision.line), file.patch_line(wrong.line)
    zero = f"{wrong.returned} is 0 there"
    if wrong.tested:
        zero += f", as line {file.patch_line(wrong.tested)} found"
    if wrong.why == "code":
        message = (
            f"line {decided} found that {wrong.decision.key} is an error, but the code of {wrong.other}, which is "
            "none, is returned"
        )
    elif wrong.why == "null":
        message = (
            f"line {decided} found that {wrong.other} is NULL, and PTR_ERR() of it on line {ends} is 0: the caller "
            "takes it for success"
        )
    elif wrong.why == "rest":
        message = (
            f"{function.name}() returns on line {ends} how much was not copied, a positive number, where it returns a "
            "negative code for other failures"
        )
    elif wrong.why == "unset":
        message = (
            f"where line {decided} finds {wrong.decision.key} to be {nothing(wrong)} {function.name}() returned a "
            f"negative code; now line {ends} returns {wrong.returned} as it was before"
        )
    elif wrong.why == "printed":
        printed = file.patch_line(wrong.decision.printed)
        message = (
            f"{function.name}() returns {wrong.returned} on line {ends} after the error that line {printed} tells, "
            f"but {zero}: the caller takes it for success"
        )
    else:
        message = (
            f"{function.name}() returns {wrong.returned} on line {ends} where {wrong.decision.key} could not be had "
            f"(line {decided}), but {zero}: the caller takes it for success"
        )
    shown = dict.fromkeys(
        sorted({wrong.decision.line, wrong.line, wrong.tested, wrong.decision.printed} - {0})
    )
    return file.finding(line, message, tuple(file.evidence(each) for each in shown))


RULE = Rule(
    name="wrong-return",
    summary="Success is returned where something failed, or the code of something that did not fail",
    why="The caller goes on with what is not there, or reports a success that was none.",
    source="Documentation/process/coding-style.rst (function return values and names)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int toggle(struct port *port)
 {
 	int strobe, ret;
 
 	ret = read_field(port, &strobe);
 	if (ret)
 		return ret;
 	if (strobe) {
 		dev_err(port->dev, "still in strobe mode");
-		return -EINVAL;
+		return ret; // want "toggle.. returns ret on line 10 after the error that line 9 tells, but ret is 0 there"
 	}
 	return write_field(port, 1);
 }
""",
        """
 static int grow(struct port *port)
 {
 	int ret = check_port(port);
 
 	if (ret)
 		return ret;
+	port->table = kzalloc(64, GFP_KERNEL);
+	if (!port->table) // want "where port->table could not be had .line 8., but ret is 0 there, as line 5 found"
+		goto out;
 	ret = fill(port->table);
 out:
 	return ret;
 }
""",
        """
 static int probe(struct device *dev)
 {
 	struct clk *bus, *core;
 
 	bus = devm_clk_get(dev, "bus");
 	if (IS_ERR(bus))
 		return PTR_ERR(bus);
+	core = devm_clk_get(dev, "core");
+	if (IS_ERR(core)) {
+		int ret = PTR_ERR(bus); // want "line 9 found that core is an error, but the code of bus"
+
+		return ret;
+	}
 	return 0;
 }
""",
        """
 static int probe(struct device *dev, struct port *port)
 {
 	port->clk = devm_clk_get(dev, "bus");
-	if (IS_ERR(port->clk))
+	if (!port->clk) // want "line 4 found that port->clk is NULL, and PTR_ERR.. of it on line 5 is 0"
 		return PTR_ERR(port->clk);
 	return 0;
 }
""",
        """
 static int probe(struct device *dev, struct port *port)
 {
 	int ret = -ENODEV;
 
 	if (!port->late)
 		goto out;
+	port->clk = make_clk(dev);
+	if (!port->clk) {
+		ret = PTR_ERR(port->clk); // want "line 8 found that port->clk is NULL, and PTR_ERR.. of it on line 9 is 0"
+		goto out;
+	}
 	ret = 0;
 out:
 	return ret;
 }
""",
    ),
    good=(
        """
+static int send_by(struct table *table, struct frame *frame)
+{
+	int err = -EAFNOSUPPORT;
+	struct peer *peer = find_peer(table, frame);
+
+	if (!peer)
+		peer = make_peer(table, frame);
+	err = PTR_ERR(peer);
+	if (IS_ERR(peer))
+		goto out;
+	err = peer->send(peer, frame);
+	return err;
+out:
+	free_frame(frame);
+	return err;
+}
""",
        """
 static int take_away(struct port *port)
 {
 	int ret = hide_port(port);
 
 	if (ret)
 		return ret;
+	if (port->users > 0)
+		port->users--;
+	else
+		pr_alert("more is taken away than there was");
+	free_port(port);
 	return ret;
 }
""",
        """
 static int probe(struct device *dev)
 {
+	struct clk *clk = devm_clk_get_optional(dev, "bus");
+
+	if (IS_ERR_OR_NULL(clk))
+		return PTR_ERR(clk);
 	return 0;
 }
""",
        """
 static int toggle(struct port *port)
 {
 	int strobe, ret;
 
 	ret = read_field(port, &strobe);
 	if (ret)
 		return ret;
+	if (strobe) {
+		dev_err(port->dev, "still in strobe mode");
+		return -EINVAL;
+	}
 	return write_field(port, 1);
 }
""",
        """
 static int grow(struct port *port)
 {
 	int ret = check_port(port);
 
 	if (ret)
 		return ret;
+	port->table = kzalloc(64, GFP_KERNEL);
+	if (!port->table) {
+		ret = -ENOMEM;
+		goto out;
+	}
 	ret = fill(port->table);
 out:
 	return ret;
 }
""",
        """
 static int settle(struct port *port)
 {
 	int ret = check_port(port);
 
+	if (ret)
+		dev_err(port->dev, "not settled");
+	if (port->late) {
+		dev_warn(port->dev, "late");
+		ret = 0;
+	}
 	return ret;
 }
""",
    ),
)
