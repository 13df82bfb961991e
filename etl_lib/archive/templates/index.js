const form = document.querySelector("form"), body = document.querySelector("tbody");
const heads = [...document.querySelectorAll("th")], rows = [...body.rows];
const day = row => document.querySelector(`a[href="#${row.id}"]`);
const text = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
const value = (row, i) => row.cells.length < heads.length && i > 1 ? "" : row.cells[i].dataset.value ?? row.cells[i].innerText;
const show = () => {
  for (const row of rows) {
    row.hidden = !text.get(row).includes(form.filter.value.trim().toLowerCase()) || !row.dataset.state.startsWith(form.state.value);
    day(row).classList.toggle("faded", row.hidden);
  }
  const count = rows.filter(row => !row.hidden).length, all = rows.length.toLocaleString("en");
  form.shown.value = (count < rows.length ? count.toLocaleString("en") + " of " : "") + all + (rows.length > 1 ? " dates" : " date");
};
heads.forEach((head, i) => head.firstElementChild?.addEventListener("click", () => {
  const sign = head.ariaSort === "descending" ? 1 : -1;
  heads.forEach(other => other.ariaSort = null);
  head.ariaSort = sign < 0 ? "descending" : "ascending";
  const compare = (a, b) => (a === "") - (b === "") || sign * (isNaN(a) ? a.localeCompare(b) : a - b);
  const keys = new Map(rows.map(row => [row, value(row, i)]));
  body.append(...rows.sort((a, b) => compare(keys.get(a), keys.get(b))));
}));
form.oninput = show;
form.onsubmit = event => event.preventDefault();
document.querySelectorAll(".months").forEach(months => {
  months.scrollLeft = months.scrollWidth;
  months.onclick = event => { if (event.target.classList.contains("faded")) { form.reset(); show(); } };
});
show();
