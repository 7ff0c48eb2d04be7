"use strict";
for (const form of document.querySelectorAll("form.filters")) {
	const page = form.closest("section") || document;
	form.hidden = false;
	form.addEventListener("change", () => {
		for (const each of page.querySelectorAll("[data-severity]"))
			each.hidden = Array.from(form.elements).some((wish) => wish.value && each.dataset[wish.name] !== wish.value);
	});
}
const remarks = Array.from(document.querySelectorAll(".remark"));
let current = -1;
for (const keys of document.querySelectorAll(".keys")) keys.hidden = false;
function go(step) {
	if (remarks.every((remark) => remark.hidden)) return;
	do current = (current + step + remarks.length) % remarks.length; while (remarks[current].hidden);
	const remark = remarks[current];
	for (let box = remark.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
	remark.focus({ preventScroll: true });
	remark.scrollIntoView({ block: "center" });
}
document.addEventListener("keydown", (event) => {
	if (event.ctrlKey || event.altKey || event.metaKey) return;
	if (event.key === "n") go(1);
	if (event.key === "p") go(current < 0 ? 0 : -1);
});
document.addEventListener("focusin", (event) => {
	const at = remarks.indexOf(event.target);
	if (at >= 0) current = at;
});
function reveal() {
	const target = document.getElementById(location.hash.slice(1));
	for (let box = target && target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
	if (target) target.scrollIntoView();
}
window.addEventListener("hashchange", reveal);
reveal();
window.addEventListener("beforeprint", () => {
	for (const box of document.querySelectorAll("details.print")) box.open = true;
});
