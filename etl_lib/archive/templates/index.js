const form = document.querySelector("form"), body = document.querySelector("#days tbody");
const heads = [...document.querySelectorAll("#days thead th")], all = [...body.rows];
const rows = all.filter(row => row.id), totals = all.filter(row => !row.id);
const day = new Map([...document.querySelectorAll(".days a")].map(link => [link.hash.slice(1), link]));
const text = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
const state = new Map(rows.map(row => [row, row.querySelector(".state").textContent]));
const months = Map.groupBy(rows, row => row.id.slice(1, 8));
let byDate = true;
const show = () => {
  for (const row of rows) {
    row.hidden = !text.get(row).includes(form.filter.value.trim().toLowerCase()) || !state.get(row).startsWith(form.state.value);
    day.get(row.id).classList.toggle("faded", row.hidden);
  }
  // A total is of all days of its month, which follow it
  for (const row of totals) row.hidden = !byDate || months.get(row.dataset.month).some(day => day.hidden);
  const count = rows.filter(row => !row.hidden).length;
  form.shown.value = (count < rows.length ? count + " of " : "") + rows.length + (rows.length > 1 ? " dates" : " date");
};
const value = (row, i, sign) => {
  if (!row.id) return i > 0 ? "" : row.dataset.month + (sign > 0 ? "-00" : "-99");
  if (row.cells.length < heads.length && i > 1) return "";
  const { dataset, textContent } = row.cells[i];
  if (!heads[i].classList.contains("number")) return dataset.value ?? textContent;
  const number = parseFloat(dataset.value ?? textContent);
  return isNaN(number) ? "" : number;
};
heads.forEach((head, i) => head.firstElementChild?.addEventListener("click", () => {
  const sign = head.ariaSort === "descending" ? 1 : -1;
  heads.forEach(other => other.ariaSort = null);
  head.ariaSort = sign < 0 ? "descending" : "ascending";
  const compare = (a, b) => (a === "") - (b === "") || sign * (isNaN(a) ? a.localeCompare(b) : a - b);
  const keys = new Map(all.map(row => [row, value(row, i, sign)]));
  body.append(...all.sort((a, b) => compare(keys.get(a), keys.get(b))));
  byDate = i === 0;
  show();
}));
form.oninput = show;
form.onsubmit = event => event.preventDefault();
document.querySelector(".months").onclick = event => {
  if (event.target.classList.contains("faded")) { form.reset(); show(); }
};
const more = document.querySelector("#all");
more?.addEventListener("click", () => { document.querySelector("#periods").className = ""; more.remove(); });
if (matchMedia("(max-width: 78rem)").matches) document.querySelector(".calendar").open = false;
show();
