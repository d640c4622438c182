"use strict";
const fields = [...document.querySelectorAll("[data-filter]")];
const entries = [...document.querySelectorAll("[data-entry]")];
const shown = document.getElementById("shown");
function wanted(entry) {
  return fields.every((field) => {
    const value = field.value;
    if (!value) return true;
    const name = field.dataset.filter;
    if (name === "text") return entry.textContent.toLowerCase().includes(value.toLowerCase());
    const has = entry.dataset[name] || "";
    if (name === "folder") return has === value || has.startsWith(value + "/");
    return has === value;
  });
}
function update() {
  let count = 0;
  for (const entry of entries) {
    const keep = wanted(entry);
    entry.hidden = !keep;
    count += keep;
  }
  if (shown) shown.textContent = `${count} of ${entries.length} shown`;
}
for (const field of fields) field.addEventListener("input", update);
for (const link of document.querySelectorAll("[data-set]")) {
  link.addEventListener("click", () => {
    const [name, value] = link.dataset.set.split("=");
    for (const field of fields) field.value = field.dataset.filter === name ? value : "";
    update();
  });
}
if (fields.length) update();
