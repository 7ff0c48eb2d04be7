"""Something is given back by a function that is for something else."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The calls on added lines that take something or give something back."""
    from patchscan.flow.resources import by_call, may_give_back, releasing

    for file in context.c_files:
        if file.adds(*releasing(), *by_call()):
            for function in file.functions:
                if may_give_back(function):
                    yield from check_function(file, function)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.building import graph_of
    from patchscan.flow.givingback import given_wrongly

    graph = graph_of(function)
    if graph is None:
        return
    for key, row, taken, call, how in given_wrongly(graph):
        line = next(
            (each for each in (call, taken) if each in file.added_numbers and not file.was_there(each)), None
        )
        if line is None:
            continue
        name = how.partition("(")[0]
        message = (
            f"{name}() on line {file.patch_line(call)} is not what gives {key} of line {file.patch_line(taken)} back: "
            f"{row} is"
        )
        fix = (
            file.substitution(call, f"{name}({key}", f"{row.removesuffix('()')}({key}")
            if call == line
            else None
        )
        yield file.finding(line, message, (file.evidence(taken), file.evidence(call)), fix=fix)


RULE = Rule(
    name="wrong-release",
    summary="What a call took is given back by a function that is for something else",
    why="The one takes an address, the other a page; the one knows the cache, the other does not: memory is corrupted.",
    source="include/linux/gfp.h; Documentation/core-api/memory-allocation.rst; the rows of rules/tables/resources.toml",
    severity="error",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int grow(struct port *port)
 {
 	struct page *page = alloc_page(GFP_KERNEL);
 
 	if (!page)
 		return -ENOMEM;
 	if (!add_page(port, page)) {
-		put_page(page);
+		free_page(page); // want "free_page.. on line 8 is not what gives page of line 3 back: __free_page.. is"
 		return -EIO;
 	}
 	return 0;
 }
""",
        """
 static int probe(struct device *dev)
 {
 	void *table = devm_kzalloc(dev, 64, GFP_KERNEL);
 
 	if (!table)
 		return -ENOMEM;
+	if (fill(table)) {
+		kfree(table); // want "kfree.. on line 8 is not what gives table of line 3 back: devm_kfree.. is"
+		return -EIO;
+	}
 	return 0;
 }
""",
    ),
    good=(
        """
+static int try_cache(struct kmem_cache *cache)
+{
+	struct kmem_cache *own = kmem_cache_create("own", 8, 0, 0, NULL);
+	void *object;
+
+	if (!own)
+		return -ENOMEM;
+	object = kmem_cache_alloc(own, GFP_KERNEL);
+	if (object)
+		kmem_cache_free(own, object);
+	kmem_cache_destroy(own);
+	return 0;
+}
""",
        """
 static int grow(struct port *port)
 {
 	struct page *page = alloc_page(GFP_KERNEL);
 
+	if (!page)
+		return -ENOMEM;
+	put_page(page);
+	page = alloc_pages(GFP_KERNEL, 1);
+	__free_pages(page, 1);
 	return 0;
 }
""",
        """
 static int probe(struct device *dev)
 {
 	void *table = devm_kzalloc(dev, 64, GFP_KERNEL);
 
 	if (!table)
 		return -ENOMEM;
+	table = kmalloc(64, GFP_KERNEL);
+	kfree(table);
 	return 0;
 }
""",
        """
 static void settle(struct port *port, unsigned long page)
 {
+	struct device_node *node = of_get_parent(port->node);
+
+	of_node_put(node);
+	free_page(page);
 }
""",
    ),
)
