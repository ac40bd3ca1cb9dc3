"use strict";
// What is chosen stands in the address, such as #user=196&item=50, so that it can be sent on.

const data = JSON.parse(document.getElementById("data").textContent);
const { users, items, models } = data;
const place = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 900px)");
const chosen = { user: null, item: null };

// ---- Making elements. All text goes in as text: nothing in the data is read as HTML.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const count = (n) => n.toLocaleString("en");
const short = (x) => (Math.abs(x) >= 1000 ? x.toExponential(2) : x.toFixed(3));
const title = (item) => (items.title && items.title[item]) || items.id[item];
const several = models.length > 1;

function marked(item) {
  const mark = data.marks[items.mark[item]];
  return mark ? make("span", { class: `mark ${mark}` }, mark) : null;
}

function thumbnail(item) {
  if (!Object.keys(items.image).length) return null;
  const source = items.image[item];
  // The title stands beside it.
  return source
    ? make("img", { class: "thumb", src: source, alt: "", loading: "lazy" })
    : make("span", { class: "thumb" });
}

function button(item, ...marks) {
  return make(
    "button",
    { class: "named", type: "button", "data-item": item, title: title(item), onclick: () => choose({ item }) },
    thumbnail(item),
    make("span", { class: "title" }, title(item)),
    ...marks,
  );
}

// ---- Shares of modalities

const parts = [...new Set(models.flatMap((model) => model.parts))];
const colour = (n) => `var(--c${n})`;

function shareBar(names, shares, low, high) {
  const bar = make("div", { class: "bar", role: "img" });
  bar.setAttribute("aria-label", names.map((name, n) => `${name} ${short(shares[n])}`).join(", "));
  const width = high - low || 1;
  const segment = (from, to, fill, label) => {
    const node = make("i", { title: label });
    node.style.left = `${(100 * (from - low)) / width}%`;
    node.style.width = `${(100 * (to - from)) / width}%`;
    node.style.background = fill;
    bar.append(node);
  };
  let left = 0;
  let right = 0;
  names.forEach((name, n) => {
    const share = shares[n];
    const label = `${name}: ${short(share)}`;
    const fill = colour(parts.indexOf(name) % 11);
    if (share < 0) segment((left += share), left - share, fill, label);
    else segment(right, (right += share), fill, label);
  });
  if (low < 0) {
    const zero = make("i", { class: "zero" });
    zero.style.left = `${(-100 * low) / width}%`;
    bar.append(zero);
  }
  return bar;
}

const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);
const below = (shares) => sum(shares.filter((x) => x < 0));
const above = (shares) => sum(shares.filter((x) => x > 0));

function legend(names, label = (name) => name) {
  const entries = names.map((name, n) => {
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = colour(parts.indexOf(name) % 11);
    return make("li", {}, swatch, label(name, n));
  });
  return make("ul", { class: "legend" }, ...entries);
}

function showOverall() {
  for (const node of document.querySelectorAll(".shares")) {
    const { parts: names, shares } = models[node.dataset.model];
    if (!names.length) continue;
    node.querySelector(".overall").append(
      shareBar(names, shares, below(shares), above(shares)),
      legend(names, (name, n) => `${name} ${short(shares[n])}`),
    );
  }
}

// ---- A user: what they had, and what each model recommends

const FIRST_HAD = 12;

function showUser() {
  const user = chosen.user;
  const node = place("user");
  if (user < 0) {
    node.replaceChildren(make("p", { class: "card" }, "This user is not on this page: search another."));
    return;
  }
  const step = (by, label, sign) =>
    make(
      "button",
      { class: "small", type: "button", "aria-label": label, onclick: () => stepUser(by) },
      sign,
    );
  const head = make(
    "div",
    { class: "row" },
    make("h2", { "aria-live": "polite" }, `User ${users.id[user]}`),
    make("div", { class: "row" }, step(-1, "the user before", "←"), step(1, "the next user", "→")),
  );
  const lists = models.map((model, number) => recommendedCard(model, number, user));
  node.replaceChildren(
    make("div", { class: "card" }, head, ...hadList(user)),
    make("div", { class: "lists" }, ...lists),
  );
}

function hadList(user) {
  const had = users.had[user];
  const all = users.n_had[user];
  const told = all > had.length ? `${count(all)}, the last ${had.length} of them here` : count(all);
  const list = make("ul", { class: "had" });
  const fill = (n) => {
    const entries = had.slice(0, n).map((item, at) => {
      const split = data.splits[users.split[user][at]];
      const held = split === "training" ? null : make("span", { class: "mark split" }, split);
      return make("li", {}, button(item, held));
    });
    list.replaceChildren(...entries);
  };
  fill(FIRST_HAD);
  const more = make(
    "button",
    {
      class: "small",
      type: "button",
      onclick: () => {
        fill(had.length);
        more.remove();
        markChosen();
        list.children[FIRST_HAD].firstChild.focus();
      },
    },
    `all ${had.length}`,
  );
  const head = make("h3", {}, "Had ", make("small", { class: "quiet" }, told));
  return [head, list, had.length > FIRST_HAD ? more : null].filter((each) => each !== null);
}

function recommendedCard(model, number, user) {
  const rows = users.recommended[number][user];
  const other = several ? new Set(users.recommended[1 - number][user].map((row) => row[0])) : new Set();
  const shares = rows.map((row) => row.slice(2));
  const scores = rows.map((row) => row[1]);
  const low = Math.min(0, ...(model.parts.length ? shares.map(below) : scores));
  const high = Math.max(0, ...(model.parts.length ? shares.map(above) : scores));
  const entries = rows.map(([item, score], n) => {
    const both = other.has(item) ? make("span", { class: "mark both" }, "both") : null;
    const bar = model.parts.length
      ? shareBar(model.parts, shares[n], low, high)
      : plainBar(score, low, high);
    const scored = make("div", { class: "scored" }, bar, make("span", { class: "score" }, short(score)));
    const named = make("div", {}, button(item, both, marked(item)), scored);
    return make("li", {}, make("span", { class: "rank" }, String(n + 1)), named);
  });
  return make(
    "div",
    { class: "card" },
    make("h2", {}, several ? model.name : "Recommended"),
    make("ol", { class: "recommended", "data-model": number }, ...entries),
    model.parts.length ? legend(model.parts) : null,
  );
}

function plainBar(score, low, high) {
  const bar = make("div", { class: "bar", role: "img", "aria-label": `score ${short(score)}` });
  const fill = make("i");
  const width = high - low || 1;
  fill.style.left = `${(100 * (Math.min(score, 0) - low)) / width}%`;
  fill.style.width = `${(100 * Math.abs(score)) / width}%`;
  fill.style.background = "var(--c9)";
  bar.append(fill);
  return bar;
}

// ---- An item: what it is, why this user gets it, what is similar, and who would get it

const MOST_PEOPLE = 24;

function showItem() {
  const item = chosen.item;
  const node = place("item");
  node.className = "card";
  if (item < 0) {
    node.replaceChildren(
      make("h2", {}, "No item chosen"),
      make("p", { class: "quiet" }, "Choose one in a list, on the map or by the search."),
    );
    return;
  }
  node.replaceChildren(
    ...[
      picture(item),
      make("h2", { "aria-live": "polite" }, title(item), " ", marked(item) ?? ""),
      sound(item),
      facts(item),
      ...models.flatMap((model, number) => reasons(model, number, item)),
      make("h3", {}, "Similar items"),
      ...data.similar.flatMap((source) => similar(source, item)),
      make("h3", {}, "Who would get it"),
      ...models.flatMap((model, number) => people(model, number, item)),
    ].filter((each) => each !== null),
  );
}

function picture(item) {
  const source = items.image[item];
  return source ? make("img", { class: "picture", src: source, alt: `Picture of ${title(item)}` }) : null;
}

function sound(item) {
  const source = items.sound[item];
  if (!source) return null;
  return make("audio", { controls: "", preload: "none", src: source, "aria-label": `Sound of ${title(item)}` });
}

function facts(item) {
  const list = make("dl", {}, make("dt", {}, "id"), make("dd", {}, items.id[item]));
  for (const [name, texts] of Object.entries(items.fields)) {
    if (texts[item]) list.append(make("dt", {}, name), make("dd", {}, texts[item]));
  }
  list.append(make("dt", {}, "training interactions"), make("dd", {}, count(items.taken[item])));
  return list;
}

function reasons(model, number, item) {
  if (chosen.user < 0) return [];
  const rows = users.recommended[number][chosen.user];
  const at = rows.findIndex((row) => row[0] === item);
  if (at < 0) return [];
  const [, score, ...shares] = rows[at];
  const whom = `Place ${at + 1} for user ${users.id[chosen.user]}${several ? ` by ${model.name}` : ""}`;
  if (!shares.length) return [make("h3", {}, whom), make("p", { class: "quiet" }, `score ${short(score)}`)];
  const lines = model.parts.map((name, n) =>
    make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, short(shares[n]))),
  );
  const foot = make("tr", {}, make("th", { scope: "row" }, "score"), make("td", {}, short(score)));
  return [
    make("h3", {}, whom),
    make("table", { class: "why" }, make("tbody", {}, ...lines), make("tfoot", {}, foot)),
  ];
}

function similar(source, item) {
  const head = make("h4", {}, `by ${source.of_model ? "" : "the modality "}${source.name}`);
  const quiet = (text) => [head, make("p", { class: "quiet" }, text)];
  if (source.why_not) return quiet(`${source.why_not}.`);
  if (item >= items.n_close) {
    return quiet(`Only the ${count(items.n_close)} items shown most have theirs on this page.`);
  }
  const found = source.found[item];
  if (!found.length) return quiet("It has no features there.");
  const entries = found.map(([other, cosine]) =>
    make("li", {}, button(other, marked(other), make("span", { class: "value" }, cosine.toFixed(2)))),
  );
  return [head, make("ul", { class: "similar", "data-source": source.name }, ...entries)];
}

function people(model, number, item) {
  const head = several ? make("h4", {}, model.name) : null;
  const got = items.got[number][item];
  const told = `${count(got)} of all ${count(data.n.users)} users, among their ${data.k} best`;
  const here = users.recommended[number]
    .map((rows, user) => [rows.findIndex((row) => row[0] === item), user])
    .filter(([at]) => at >= 0)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const buttons = here.slice(0, MOST_PEOPLE).map(([at, user]) =>
    make(
      "button",
      { class: "small", type: "button", "data-user": user, title: `place ${at + 1}`, onclick: () => choose({ user }) },
      users.id[user],
    ),
  );
  const rest = here.length - buttons.length;
  const list = make("div", { class: "people" }, ...buttons, rest > 0 ? `and ${count(rest)} more` : "");
  return [head, make("p", { class: "quiet" }, told), buttons.length ? list : null].filter((each) => each !== null);
}

// ---- The map

const { points, side, colours } = data.map;
const canvas = place("points");

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function at(item) {
  const margin = 14;
  const { clientWidth, clientHeight } = canvas;
  return [
    margin + (points[item][0] / side) * (clientWidth - 2 * margin),
    margin + (1 - points[item][1] / side) * (clientHeight - 2 * margin),
  ];
}

function drawMap() {
  const ratio = devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const { groups } = colours[place("colour").value];
  const fills = Array.from({ length: 11 }, (_, n) => variable(`--c${n}`));
  pen.globalAlpha = 0.55;
  points.forEach((_, item) => {
    const [x, y] = at(item);
    pen.fillStyle = fills[groupColour(groups[item])];
    pen.fillRect(x - 1.75, y - 1.75, 3.5, 3.5);
  });
  pen.globalAlpha = 1;
  const ink = variable("--ink");
  if (chosen.user >= 0) {
    for (const item of users.had[chosen.user]) shape(pen, item, "ring", ink);
    models.forEach((_, number) => {
      for (const [item] of users.recommended[number][chosen.user]) shape(pen, item, SHAPES[number], ink);
    });
  }
  if (chosen.item >= 0) shape(pen, chosen.item, "cross", ink);
}

const SHAPES = ["diamond", "square"];

function shape(pen, item, kind, ink) {
  if (item >= points.length) return;
  const [x, y] = at(item);
  pen.beginPath();
  if (kind === "ring") pen.arc(x, y, 4, 0, 7);
  else if (kind === "square") pen.rect(x - 6, y - 6, 12, 12);
  else if (kind === "diamond") [[0, -7], [7, 0], [0, 7], [-7, 0]].forEach(([dx, dy]) => pen.lineTo(x + dx, y + dy));
  else {
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      pen.moveTo(x - 16 * dx, y - 16 * dy);
      pen.lineTo(x + 16 * dx, y + 16 * dy);
    }
  }
  pen.closePath();
  if (kind === "diamond") {
    pen.fillStyle = variable("--accent");
    pen.fill();
  }
  pen.strokeStyle = kind === "square" ? variable("--c8") : ink;
  pen.lineWidth = kind === "square" ? 2.5 : 1.5;
  pen.stroke();
}

// "other" and "none" come last and are grey.
function groupColour(group) {
  const { labels } = colours[place("colour").value];
  if (labels[group] === "none") return 10;
  return labels[group] === "other" || labels[group] === "others" ? 9 : group % 9;
}

function showLegend() {
  const { labels } = colours[place("colour").value];
  const entries = labels.map((label, group) => {
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = colour(groupColour(group));
    return make("li", {}, swatch, label);
  });
  const signs = ["○ had", `◆ ${several ? models[0].name : "recommended"}`];
  if (several) signs.push(`□ ${models[1].name}`);
  place("legend").replaceChildren(...entries, ...signs.map((sign) => make("li", {}, sign)));
}

function pointed(event) {
  const box = canvas.getBoundingClientRect();
  let nearest = -1;
  let best = 12 ** 2;
  points.forEach((_, item) => {
    const [x, y] = at(item);
    const distance = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
    if (distance < best) [nearest, best] = [item, distance];
  });
  return nearest;
}

function startMap() {
  colours.forEach(({ name }, n) => place("colour").append(make("option", { value: n }, name)));
  const redraw = () => {
    showLegend();
    drawMap();
  };
  place("colour").addEventListener("change", redraw);
  addEventListener("resize", drawMap);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
  canvas.addEventListener("mousemove", (event) => {
    const item = pointed(event);
    place("pointed").textContent = item < 0 ? "\u00a0" : title(item);
  });
  canvas.addEventListener("click", (event) => {
    const item = pointed(event);
    if (item >= 0) choose({ item });
  });
  showLegend();
}

// ---- Search

const MOST_FOUND = 10;
const userTexts = users.id.map((id) => id.toLowerCase());
const itemTexts = items.id.map((id, item) => [id, title(item)].map((text) => text.toLowerCase()));

// The exact one first, then those that begin so, then those that hold it.
function ranked(texts, wanted) {
  const worth = (text) => (text === wanted ? 3 : text.startsWith(wanted) ? 2 : text.includes(wanted) ? 1 : 0);
  return texts
    .map((each, n) => [Math.max(...[each].flat().map(worth)), n])
    .filter(([value]) => value > 0)
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, MOST_FOUND)
    .map(([, n]) => n);
}

function showFound() {
  const list = place("results");
  const wanted = place("search").value.trim().toLowerCase();
  list.hidden = !wanted;
  if (!wanted) return;
  const line = (kind, what, ...content) => {
    const choice = { type: "button", onclick: () => pick(what) };
    return make("li", {}, make("button", choice, make("span", { class: "kind" }, kind), ...content));
  };
  const found = [
    ...ranked(userTexts, wanted).map((user) => line("user", { user }, users.id[user])),
    ...ranked(itemTexts, wanted).map((item) => line("item", { item }, title(item), marked(item))),
  ];
  const nothing = make("li", { class: "quiet" }, "Nothing on this page is called so.");
  list.replaceChildren(...(found.length ? found : [nothing]));
}

function pick(what) {
  place("search").value = "";
  showFound();
  choose(what);
}

function startSearch() {
  const input = place("search");
  const list = place("results");
  input.addEventListener("input", showFound);
  const buttons = () => [...list.querySelectorAll("button")];
  place("search").parentNode.addEventListener("keydown", (event) => {
    const all = [input, ...buttons()];
    const now = all.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && now + step >= 0 && now + step < all.length) {
      event.preventDefault();
      all[now + step].focus();
    } else if (event.key === "Enter" && document.activeElement === input && all.length > 1) {
      event.preventDefault();
      all[1].click();
    } else if (event.key === "Escape") {
      input.value = "";
      showFound();
      input.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) list.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, audio") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      input.focus();
    } else if (event.key === "ArrowLeft") stepUser(-1);
    else if (event.key === "ArrowRight") stepUser(1);
  });
}

// ---- What is chosen

function choose(what) {
  const next = { ...chosen, ...what };
  const words = new URLSearchParams();
  if (next.user >= 0) words.set("user", users.id[next.user]);
  if (next.item >= 0) words.set("item", items.id[next.item]);
  location.hash = words;
  if (narrow.matches) place("item" in what ? "item" : "user").scrollIntoView();
}

function stepUser(by) {
  choose({ user: (Math.max(chosen.user, 0) + by + users.id.length) % users.id.length });
}

// Draws a part of the page anew; who is in it by keys stays there.
function redraw(node, draw) {
  const { activeElement: focused } = document;
  const inside = node.contains(focused);
  draw();
  if (!inside) return;
  const label = focused.getAttribute("aria-label");
  const again = label && [...node.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === label);
  (again || node).focus({ preventScroll: true });
}

function markChosen() {
  for (const node of place("user").querySelectorAll("[data-item]")) {
    node.closest("li").classList.toggle("chosen", Number(node.dataset.item) === chosen.item);
  }
}

function show() {
  const words = new URLSearchParams(location.hash.slice(1));
  const user = words.has("user") ? users.id.indexOf(words.get("user")) : 0;
  const item = words.has("item") ? items.id.indexOf(words.get("item")) : -1;
  const changed = { user: user !== chosen.user, item: item !== chosen.item };
  Object.assign(chosen, { user, item });
  if (changed.user) redraw(place("user"), showUser);
  redraw(place("item"), showItem);
  if (changed.item) place("item").scrollTop = 0;
  markChosen();
  drawMap();
}

showOverall();
startMap();
startSearch();
addEventListener("hashchange", show);
show();
