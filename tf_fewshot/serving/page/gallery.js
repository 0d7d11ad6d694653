"use strict";

// By the larger side: larger pictures take longer to draw.
const SHOWN = [[128, 24], [256, 12], [Infinity, 6]];
const MOST = 24;
const LARGEST = 2 ** 31;
const byId = (id) => document.getElementById(id);
const state = { models: [], model: null, seeds: [], before: [], chosen: 0, at: [0.5, 0.5] };

// ---- What is asked of the server

function row(seed) {
  const model = state.model;
  const value = { seed, truncation: truncation() };
  if (model.domains.length) value.domain = Number(byId("domain").value);
  if (model.classes) value.label = Number(byId("label").value);
  return value;
}

function mixedRow() {
  const value = row(state.chosen);
  delete value.domain;
  return { ...value, weights: weights() };
}

function truncation() {
  const field = byId("truncation");
  // At its end a threshold cuts off nothing.
  return field.value === field.max ? state.model.no_truncation : Number(field.value);
}

function weights() {
  const [x, y] = state.at;
  const parts = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  const all = new Array(state.model.domains.length).fill(0);
  parts.forEach((part, i) => { all[Number(byId(`corner${i}`).value)] += part; });
  return all;
}

function address() {
  return new URL(`v1/models/${encodeURIComponent(state.model.name)}:predict`, location.href).href;
}

async function ask(signature, instances, signal) {
  const body = JSON.stringify({ signature_name: signature, instances });
  const answer = await fetch(address(), { method: "POST", body, signal });
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(value.error || `The server answered ${answer.status}.`);
  return value.predictions.map((file) => `data:image/png;base64,${file.b64}`);
}

// One request at a time for each purpose: the newest wins, those between are never sent.
function latest(work) {
  let running = false;
  let next = null;
  return async function run() {
    next = true;
    if (running) return;
    running = true;
    while (next) {
      next = null;
      try {
        await work();
        trouble("");
      } catch (error) {
        trouble(error.message === "Failed to fetch" ? "The server does not answer." : error.message);
      }
    }
    running = false;
  };
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

// ---- Pictures

const draw = latest(async () => {
  const list = byId("pictures");
  const seeds = [...state.seeds];
  list.classList.add("waiting");
  list.setAttribute("aria-busy", "true");
  try {
    const files = await ask("png", seeds.map(row), null);
    list.replaceChildren(...files.map((file, i) => card(file, seeds[i])));
  } finally {
    list.classList.remove("waiting");
    list.removeAttribute("aria-busy");
  }
  choose(seeds.includes(state.chosen) ? state.chosen : seeds[0]);
});

function card(file, seed) {
  const item = document.createElement("li");
  const figure = document.createElement("figure");
  figure.className = "picture";
  figure.dataset.seed = seed;
  const image = document.createElement("img");
  image.src = file;
  image.alt = `Seed ${seed}`;
  const caption = document.createElement("figcaption");
  const number = button(String(seed), "seed", () => choose(seed));
  number.setAttribute("aria-label", `Choose seed ${seed}`);
  caption.append(number, buttons(
    button("PNG", "", () => download(image.src, seed), `Download seed ${seed} as PNG`),
    button("curl", "", () => show("png", row(seed), seed), `Request of seed ${seed} for curl`),
  ));
  figure.append(image, caption);
  item.append(figure);
  return item;
}

function button(text, kind, action, spoken) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = kind;
  if (spoken) made.setAttribute("aria-label", spoken);
  made.addEventListener("click", action);
  return made;
}

function buttons(...parts) {
  const span = document.createElement("span");
  span.className = "buttons";
  span.append(...parts);
  return span;
}

function choose(seed) {
  state.chosen = seed;
  for (const figure of document.querySelectorAll("#pictures figure")) {
    const chosen = Number(figure.dataset.seed) === seed;
    figure.classList.toggle("chosen", chosen);
    figure.querySelector(".seed").setAttribute("aria-pressed", String(chosen));
  }
  byId("morph-seed").textContent = seed;
  if (state.model.morphs) mix();
}

function download(file, seed) {
  const link = document.createElement("a");
  link.href = file;
  link.download = `${state.model.name}-${seed}.png`;
  link.click();
}

function roll(first) {
  if (state.seeds.length) state.before.push(state.seeds);
  const begin = first ?? Math.floor(Math.random() * (LARGEST - MOST));
  const side = Math.max(0, ...state.model.size);
  const count = Math.min(SHOWN.find(([most]) => side <= most)[1], state.model.rows);
  state.seeds = Array.from({ length: count }, (_, i) => begin + i);
  showSeeds();
}

function showSeeds() {
  byId("seed").value = state.seeds[0];
  byId("back").disabled = !state.before.length;
  draw();
}

function back() {
  if (!state.before.length) return;
  state.seeds = state.before.pop();
  showSeeds();
}

// ---- Between domains

const mix = latest(async () => {
  const parts = weights();
  const names = parts.map((w, i) => [w, state.model.domains[i]]).filter(([w]) => w > 0.004);
  byId("weights").textContent = names.map(([w, name]) => `${name} ${Math.round(100 * w)} %`).join(", ");
  const [file] = await ask("morph_png", [mixedRow()], null);
  byId("mixed").src = file;
  byId("mixed").alt = `Seed ${state.chosen} between domains`;
});

function move(x, y) {
  const inside = (value) => Math.min(1, Math.max(0, value));
  state.at = [inside(x), inside(y)];
  byId("dot").style.left = `${100 * state.at[0]}%`;
  byId("dot").style.top = `${100 * state.at[1]}%`;
  mix();
}

function dragged(event) {
  const box = byId("pad").getBoundingClientRect();
  move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function steered(event) {
  const arrow = ARROWS[event.key];
  if (!arrow) return;
  event.preventDefault();
  const step = event.shiftKey ? 0.25 : 0.05;
  move(state.at[0] + step * arrow[0], state.at[1] + step * arrow[1]);
}

// ---- The request as a command

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function show(signature, instance, seed) {
  const body = JSON.stringify({ signature_name: signature, instances: [instance] });
  const unpack = "import base64, json, sys; sys.stdout.buffer.write("
    + "base64.b64decode(json.load(sys.stdin)['predictions'][0]['b64']))";
  byId("request-text").value = `curl -s ${quoted(address())} -d ${quoted(body)} \\\n`
    + `  | python3 -c "${unpack}" > ${quoted(`${state.model.name}-${seed}.png`)}`;
  byId("copied").textContent = "";
  byId("request").showModal();
  byId("copy").focus();
}

async function copy() {
  const field = byId("request-text");
  try {
    await navigator.clipboard.writeText(field.value);
    byId("copied").textContent = "Copied.";
  } catch {
    // Browsers keep the clipboard from pages that come from other machines without encryption.
    field.select();
    byId("copied").textContent = "Selected: copy it with Ctrl+C.";
  }
}

// ---- Fields

function fill(select, names, chosen) {
  select.replaceChildren(...names.map((name, i) => new Option(name, i)));
  select.value = String(Math.min(chosen, names.length - 1));
}

function take(model) {
  state.model = model;
  state.seeds = [];
  state.before = [];
  byId("domain-field").hidden = !model.domains.length;
  fill(byId("domain"), model.domains, model.domains.length > 1 ? 1 : 0);
  byId("label-field").hidden = !model.classes;
  byId("label").max = Math.max(0, model.classes - 1);
  const slider = byId("truncation");
  const largest = Math.min(model.no_truncation, 3);
  slider.min = 0.05;
  slider.max = largest;
  slider.step = 0.05;
  slider.value = Math.min(model.truncation, largest);
  said();
  byId("morph").hidden = !(model.morphs && model.domains.length > 1);
  [0, 1, 2, 3].forEach((i) => fill(byId(`corner${i}`), model.domains, i));
  state.at = [0.5, 0.5];
  byId("dot").style.left = byId("dot").style.top = "50%";
  roll(0);
}

function said() {
  const field = byId("truncation");
  byId("truncation-value").textContent = field.value === field.max ? "none" : field.value;
}

function typed() {
  const seed = Math.floor(Number(byId("seed").value));
  if (Number.isSafeInteger(seed) && seed >= 0) roll(seed);
}

function pressed(event) {
  const typing = event.target.closest("input, select, textarea, dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "r") roll();
  if (event.key === "b") back();
}

async function begin() {
  const answer = await fetch("gallery.json");
  state.models = (await answer.json()).models;
  if (!state.models.length) {
    trouble("No model that is served draws PNG files: export one with tf-fewshot export.");
    return;
  }
  fill(byId("model"), state.models.map((model) => model.name), 0);
  byId("model-field").hidden = state.models.length < 2;
  byId("model").addEventListener("change", (e) => take(state.models[e.target.value]));
  byId("controls").addEventListener("submit", (e) => { e.preventDefault(); typed(); });
  for (const id of ["domain", "label"]) byId(id).addEventListener("change", draw);
  byId("truncation").addEventListener("input", () => { said(); draw(); });
  byId("seed").addEventListener("change", typed);
  byId("roll").addEventListener("click", () => roll());
  byId("back").addEventListener("click", back);
  const pad = byId("pad");
  pad.addEventListener("pointerdown", (e) => { pad.setPointerCapture(e.pointerId); dragged(e); });
  pad.addEventListener("pointermove", (e) => { if (pad.hasPointerCapture(e.pointerId)) dragged(e); });
  pad.addEventListener("keydown", steered);
  [0, 1, 2, 3].forEach((i) => byId(`corner${i}`).addEventListener("change", mix));
  byId("mixed-png").addEventListener("click", () => download(byId("mixed").src, state.chosen));
  byId("mixed-curl").addEventListener("click", () => show("morph_png", mixedRow(), state.chosen));
  byId("copy").addEventListener("click", copy);
  byId("close").addEventListener("click", () => byId("request").close());
  document.addEventListener("keydown", pressed);
  take(state.models[0]);
}

begin().catch((error) => trouble(error.message));
